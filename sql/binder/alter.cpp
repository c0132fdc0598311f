#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"
#include "sql/parser/scanner.h"

/// ALTER: what is altered, RENAME TO; and COMMENT ON.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

namespace {

std::optional<ObjectKind> relation_kind(ast::ObjectKind kind) {
  switch (kind) {
    case ast::ObjectKind::kSource:
      return ObjectKind::kSource;
    case ast::ObjectKind::kTable:
      return ObjectKind::kTable;
    case ast::ObjectKind::kView:
      return ObjectKind::kView;
    case ast::ObjectKind::kMaterializedView:
      return ObjectKind::kMaterializedView;
    default:
      return std::nullopt;
  }
}

/// A place in a text where a name gets another one, and what comes behind it.
struct NameChange {
  int32_t position = 0;  // of the whole name: a.b.c
  size_t parts = 1;
  std::string behind;
};

/// The text with the last part of each name replaced.
Result<std::string> change_names(const std::string& text, std::vector<NameChange> changes,
                                 const std::string& name) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<ScannedToken> tokens, scan_sql(text));
  std::sort(changes.begin(), changes.end(),
            [](const NameChange& a, const NameChange& b) { return a.position < b.position; });
  std::string out;
  size_t copied = 0;
  size_t next = 0;
  for (size_t i = 0; i < tokens.size() && next < changes.size(); ++i) {
    if (tokens[i].position != changes[next].position) continue;
    const ScannedToken& last = tokens[i + 2 * (changes[next].parts - 1)];
    out += text.substr(copied, last.begin - copied);
    out += ast::quote_identifier(name) + changes[next].behind;
    copied = last.end;
    ++next;
    // A common table expression is bound at each of its uses: one place, several references.
    while (next < changes.size() && changes[next].position == changes[next - 1].position) ++next;
  }
  return out + text.substr(copied);
}

const ast::QualifiedName& created_name(const ast::Statement& statement) {
  switch (statement.kind) {
    case ast::StatementKind::kCreateTable:
      return ast::as<ast::CreateTable>(statement).definition.name;
    case ast::StatementKind::kCreateSource:
      return ast::as<ast::CreateSource>(statement).definition.name;
    default:
      return ast::as<ast::CreateView>(statement).name;
  }
}

/// The definition of an object, which is one statement.
Result<ast::StatementPtr> parse_definition(const CatalogObject& object) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<ParsedStatement> parsed,
                           parse_statements(object.definition));
  if (parsed.size() != 1) return Status::internal("a definition of several statements");
  return std::move(parsed[0].statement);
}

}  // namespace

Result<CatalogObjectRef> Binder::rename_in(const CatalogObjectRef& dependant,
                                           const CatalogObjectRef& object,
                                           const CatalogObjectRef& renamed,
                                           const SnapshotRef& after) const {
  auto refused = [&](std::string why) {
    return Status(
        data::Error{.sqlstate = state::kFeatureNotSupported,
                    .message = fmt::format("cannot rename {} \"{}\" because {} \"{}\" reads it",
                                           catalog::kind_name(object->kind), object->name,
                                           catalog::kind_name(dependant->kind), dependant->name),
                    .detail = std::move(why),
                    .hint = fmt::format("Drop {} \"{}\" first, and create it anew afterwards.",
                                        catalog::kind_name(dependant->kind), dependant->name)});
  };
  if (dependant->kind == ObjectKind::kFunction) return refused("Its body names it.");
  BindOptions options = options_;
  options.text = dependant->definition;
  options.search_path = dependant->search_path;
  options.parameter_types.clear();
  options.reader = dependant->id;
  FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr definition, parse_definition(*dependant));
  const SnapshotRef without = snapshot_->without({dependant->id});
  Binder reader(without, options);
  FOREBAY_RETURN_IF_ERROR(reader.bind_statement(*definition).take_status());
  // There it stands alone.
  const bool takes_alias = definition->kind != ast::StatementKind::kCreateSink ||
                           ast::as<ast::CreateSink>(*definition).from.parts.empty();
  std::vector<NameChange> changes;
  for (const Reference& reference : reader.references_) {
    if (reference.object != object->id) continue;
    // Its columns are named by the old name, perhaps.
    const bool keeps_name = takes_alias && !reference.has_alias;
    changes.push_back({reference.position, reference.parts,
                       keeps_name ? " AS " + ast::quote_identifier(object->name) : ""});
  }
  auto changed = std::make_shared<CatalogObject>(*dependant);
  FOREBAY_ASSIGN_OR_RETURN(changed->definition,
                           change_names(dependant->definition, std::move(changes), renamed->name));
  auto again = parse_definition(*changed);
  if (!again.is_ok()) return refused(again.error().message);
  options.text = changed->definition;
  Binder judge(after->without({dependant->id}), options);
  auto bound = judge.bind_statement(**again);
  if (!bound.is_ok()) return refused(bound.error().message);
  const CatalogObject& shape = *std::get<BoundCreate>(bound->what).object;
  if (shape.columns != dependant->columns) return refused("Its columns would change.");
  changed->query_text = shape.query_text;
  return CatalogObjectRef(std::move(changed));
}

Result<CatalogObjectRef> Binder::find_altered(const ast::Alter& alter,
                                              std::vector<std::string>& notices) const {
  const std::optional<ObjectKind> wanted = relation_kind(alter.object);
  if (!wanted) {
    return unsupported("ALTER of this kind of object is", alter.position,
                       "Tables, sources and views can be altered.");
  }
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object,
                           lookup_object(alter.name.parts, alter.name.position));
  if (object == nullptr && alter.if_exists) {
    notices.push_back(
        fmt::format("relation \"{}\" does not exist, skipping", fmt::join(alter.name.parts, ".")));
    return CatalogObjectRef();
  }
  if (object == nullptr) return undefined_relation(alter.name.parts, alter.name.position);
  if (object->kind == ObjectKind::kVirtual) {
    return error(data::SqlState("42501"),
                 fmt::format("permission denied: \"{}\" is a system catalog", object->name),
                 alter.name.position);
  }
  if (object->kind == ObjectKind::kIndex || object->kind == ObjectKind::kSink) {
    return unsupported(
        object->kind == ObjectKind::kIndex ? "ALTER of an index is" : "ALTER of a sink is",
        alter.name.position, "DROP it and CREATE it anew.");
  }
  if (object->kind == ObjectKind::kSinkTable) {
    return unsupported("ALTER of a table that is a sink is", alter.name.position,
                       "DROP it and CREATE it anew.");
  }
  if (object->kind != *wanted && *wanted != ObjectKind::kTable) {
    return error(state::kWrongObjectType,
                 fmt::format("\"{}\" is not a {}", object->name, catalog::kind_name(*wanted)), 0);
  }
  return object;
}

Result<BoundAlter> Binder::bind_alter(const ast::Alter& alter, std::vector<std::string>& notices) {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object, find_altered(alter, notices));
  if (object == nullptr) return BoundAlter();
  switch (alter.action) {
    case ast::AlterAction::kAddColumn:
      return bind_add_column(alter, object, notices);
    case ast::AlterAction::kRenameColumn:
      return bind_rename_column(alter, object);
    case ast::AlterAction::kPause:
    case ast::AlterAction::kResume:
      return bind_pause(alter, object, notices);
    case ast::AlterAction::kRename:
      break;
  }
  return bind_rename(alter, object);
}

Result<BoundAlter> Binder::bind_rename(const ast::Alter& alter, const CatalogObjectRef& object) {
  BoundAlter out;
  if (snapshot_->find(object->schema, alter.new_name.name) != nullptr) {
    return error(state::kDuplicateTable,
                 fmt::format("relation \"{}\" already exists", alter.new_name.name), 0);
  }
  FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr definition, parse_definition(*object));
  const ast::QualifiedName& own = created_name(*definition);
  auto renamed = std::make_shared<CatalogObject>(*object);
  renamed->name = alter.new_name.name;
  FOREBAY_ASSIGN_OR_RETURN(
      renamed->definition,
      change_names(object->definition, {{own.position, own.parts.size(), ""}}, renamed->name));
  out.objects.push_back(renamed);
  // In the order in which they were made: each is judged with what it reads as that has become.
  std::vector<CatalogObjectRef> dependants = snapshot_->dependants(object->id);
  std::sort(dependants.begin(), dependants.end(),
            [](const auto& a, const auto& b) { return a->id < b->id; });
  SnapshotRef after = snapshot_->without({object->id})->with(renamed);
  for (const CatalogObjectRef& dependant : dependants) {
    if (dependant->maker == object->id) continue;  // a part of it
    FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef changed,
                             rename_in(dependant, object, renamed, after));
    after = after->without({dependant->id})->with(changed);
    out.objects.push_back(std::move(changed));
  }
  return out;
}

Result<BoundAlter> Binder::bind_comment(const ast::Comment& comment) {
  std::vector<std::string> name = comment.name.parts;
  uint32_t place = 0;
  CatalogObjectRef object;
  if (comment.object == ast::ObjectKind::kSchema && !comment.on_column) {
    object = snapshot_->find_schema(name.back());
    if (object == nullptr && snapshot_->has_schema(name.back())) {
      return unsupported(fmt::format("a comment on schema \"{}\" is", name.back()),
                         comment.position, "Comment on what is in it.");
    }
    if (object == nullptr) {
      return error(data::SqlState("3F000"),
                   fmt::format("schema \"{}\" does not exist", name.back()), 0);
    }
  } else {
    std::string column;
    if (comment.on_column) {
      column = name.back();
      name.pop_back();
      if (name.empty()) {
        return error(state::kSyntaxError, "column name must be qualified", comment.name.position);
      }
    } else if (!relation_kind(comment.object)) {
      return unsupported("a comment on this kind of object is", comment.position,
                         "Tables, columns, sources, views and schemas take comments.");
    }
    FOREBAY_ASSIGN_OR_RETURN(object, find_object(name, comment.name.position));
    const std::optional<ObjectKind> wanted = relation_kind(comment.object);
    if (object->kind == ObjectKind::kVirtual) {
      return error(data::SqlState("42501"),
                   fmt::format("permission denied: \"{}\" is a system catalog", object->name),
                   comment.name.position);
    }
    if (!comment.on_column && object->kind != *wanted) {
      return error(state::kWrongObjectType,
                   fmt::format("\"{}\" is not a {}", object->name, catalog::kind_name(*wanted)), 0);
    }
    if (comment.on_column) {
      auto found = std::find_if(object->columns.begin(), object->columns.end(),
                                [&](const data::Field& field) { return field.name == column; });
      if (found == object->columns.end()) {
        return error(
            state::kUndefinedColumn,
            fmt::format("column \"{}\" of relation \"{}\" does not exist", column, object->name),
            0);
      }
      place = static_cast<uint32_t>(found - object->columns.begin()) + 1;
    }
  }
  auto changed = std::make_shared<CatalogObject>(*object);
  if (comment.text && !comment.text->empty()) {
    changed->comments[place] = *comment.text;
  } else {
    changed->comments.erase(place);
  }
  return BoundAlter{{std::move(changed)}};
}

}  // namespace forebay::sql::binder
