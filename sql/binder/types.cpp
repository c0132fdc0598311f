#include "sql/binder/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sql/ast/print.h"

namespace forebay::sql::binder {

using data::is_preferred;
using data::type_category;
using udfs::CastContext;

namespace {

/// Types of PostgreSQL's catalog that clients name: what stands for them here.
TypeId catalog_type(std::string_view name) {
  static constexpr std::string_view kOids[] = {"regclass",    "regtype",      "regprocedure",
                                               "regrole",     "regnamespace", "regoper",
                                               "regoperator", "regconfig"};
  static constexpr std::string_view kNumbers[] = {"xid", "cid"};
  // The columns of type regproc are the names of functions.
  static constexpr std::string_view kTexts[] = {"name",         "char",    "cstring",
                                                "pg_node_tree", "aclitem", "regproc"};
  if (std::find(std::begin(kOids), std::end(kOids), name) != std::end(kOids)) {
    return TypeId::kOid;
  }
  if (std::find(std::begin(kNumbers), std::end(kNumbers), name) != std::end(kNumbers)) {
    return TypeId::kBigint;
  }
  if (std::find(std::begin(kTexts), std::end(kTexts), name) != std::end(kTexts))
    return TypeId::kText;
  return TypeId::kUnknown;
}

bool is_known_elsewhere(std::string_view name) {
  static constexpr std::string_view kNames[] = {"timetz", "json",   "xml",    "money",   "bit",
                                                "varbit", "inet",   "cidr",   "point",   "macaddr",
                                                "map",    "struct", "hstore", "tsvector"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<Type> with_modifiers(TypeId id, const ast::TypeName& name) {
  Type type{id};
  const auto& modifiers = name.modifiers;
  auto invalid = [&](std::string message) {
    return Status(data::sqlstate::kInvalidParameterValue, std::move(message)).at(name.position);
  };
  if (modifiers.empty()) return type;
  switch (id) {
    case TypeId::kNumeric: {
      int64_t precision = modifiers[0];
      int64_t scale = modifiers.size() > 1 ? modifiers[1] : 0;
      if (modifiers.size() > 2) return invalid("invalid NUMERIC type modifier");
      if (precision < 1 || precision > 1000) {
        return invalid(fmt::format("NUMERIC precision {} must be between 1 and 1000", precision));
      }
      if (precision > 38) {
        return Status(data::sqlstate::kFeatureNotSupported,
                      fmt::format("numeric precision {} is not supported", precision))
            .with_hint(
                "Numbers have up to 38 digits; numeric without a precision takes any of them.")
            .at(name.position);
      }
      if (scale < 0 || scale > precision) {
        return invalid(
            fmt::format("NUMERIC scale {} must be between 0 and precision {}", scale, precision));
      }
      return data::numeric_type(static_cast<int32_t>(precision), static_cast<int32_t>(scale));
    }
    case TypeId::kVarchar:
    case TypeId::kChar: {
      const char* word = id == TypeId::kChar ? "char" : "varchar";
      if (modifiers.size() != 1) return invalid("invalid type modifier");
      if (modifiers[0] < 1)
        return invalid(fmt::format("length for type {} must be at least 1", word));
      if (modifiers[0] > 10485760) {
        return invalid(fmt::format("length for type {} cannot exceed 10485760", word));
      }
      type.modifier = static_cast<int32_t>(modifiers[0]);
      return type;
    }
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kInterval:
      if (modifiers.size() != 1) return invalid("invalid type modifier");
      if (modifiers[0] < 0) {
        return invalid(fmt::format("{}({}) precision must not be negative",
                                   id == TypeId::kInterval ? "INTERVAL"
                                   : id == TypeId::kTime   ? "TIME"
                                                           : "TIMESTAMP",
                                   modifiers[0]));
      }
      type.modifier = static_cast<int32_t>(std::min<int64_t>(modifiers[0], 6));
      return type;
    default:
      return Status(data::sqlstate::kSyntaxError,
                    fmt::format("type modifier is not allowed for type \"{}\"", name.names.back()))
          .at(name.position);
  }
}

Result<Type> resolve_element(const ast::TypeName& name) {
  const std::string& last = name.names.back();
  if (name.names.size() > 2 || (name.names.size() == 2 && name.names[0] != "pg_catalog" &&
                                name.names[0] != "information_schema")) {
    return Status(data::sqlstate::kUndefinedObject,
                  fmt::format("type \"{}\" does not exist", ast::to_sql(name)))
        .at(name.position);
  }
  TypeId id = data::type_of_name(last);
  if (last == "float8" || last == "double") id = TypeId::kDouble;
  if (id != TypeId::kUnknown) {
    if (!name.interval_fields.empty()) {
      return Status(data::sqlstate::kFeatureNotSupported,
                    "interval fields are not supported in types")
          .with_hint("Use plain interval.")
          .at(name.position);
    }
    return with_modifiers(id, name);
  }
  const bool quoted_char = last == "char";
  id = catalog_type(last);
  if (id != TypeId::kUnknown || quoted_char)
    return Type{id == TypeId::kUnknown ? TypeId::kText : id};
  if (is_known_elsewhere(last)) {
    return Status(data::sqlstate::kFeatureNotSupported,
                  fmt::format("type {} is not supported", last))
        .with_hint(last == "json" ? "Use jsonb." : "Use text for its values as text.")
        .at(name.position);
  }
  return Status(data::sqlstate::kUndefinedObject,
                fmt::format("type \"{}\" does not exist", ast::to_sql(name)))
      .at(name.position);
}

}  // namespace

Result<Type> resolve_type(const ast::TypeName& name) {
  if (name.array_dimensions == 0) return resolve_element(name);
  FOREBAY_ASSIGN_OR_RETURN(Type element, resolve_element(name));
  return Type{data::array_of(element.id), element.modifier};
}

bool can_cast_implicitly(TypeId from, TypeId to) {
  if (from == to || from == TypeId::kUnknown) return true;
  const udfs::Cast* cast = udfs::find_cast(from, to);
  return cast != nullptr && cast->context == CastContext::kImplicit;
}

bool common_type(std::span<const Type> types, Type* out, size_t* misfit) {
  // As select_common_type of PostgreSQL: take the first known; a later one wins when it is
  // preferred or when only it can be reached.
  Type best;
  for (size_t i = 0; i < types.size(); ++i) {
    const Type& type = types[i];
    if (type.id == TypeId::kUnknown) continue;
    if (best.id == TypeId::kUnknown) {
      best = type;
      continue;
    }
    if (best.id == type.id) continue;
    if (type_category(best.id) != type_category(type.id)) {
      *misfit = i;
      return false;
    }
    if (!is_preferred(best.id) && can_cast_implicitly(best.id, type.id) &&
        !can_cast_implicitly(type.id, best.id)) {
      best = type;
    }
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].id == TypeId::kUnknown) continue;
    if (!can_cast_implicitly(types[i].id, best.id)) {
      *misfit = i;
      return false;
    }
    if (types[i].id != best.id || types[i].modifier != best.modifier) best.modifier = -1;
  }
  *out = best;
  return true;
}

namespace {

struct Candidate {
  const udfs::ScalarFunction* scalar = nullptr;
  const udfs::AggregateFunction* aggregate = nullptr;
  const udfs::TableFunction* table = nullptr;
  std::vector<TypeId> arguments;  // expanded to the number of arguments; any-typed ones resolved
  TypeId result;
};

/// Resolves "any" arguments: all any-typed ones get one common type, and any arrays are arrays of
/// it.
bool resolve_any(Candidate& candidate, std::span<const TypeId> given) {
  std::vector<Type> known;
  bool has_any = candidate.result == TypeId::kAnyArray;
  for (size_t i = 0; i < given.size(); ++i) {
    if (candidate.arguments[i] == TypeId::kAnyArray) {
      has_any = true;
      if (given[i] == TypeId::kUnknown) continue;
      if (!data::is_array(given[i])) return false;
      known.push_back(Type{data::element_of(given[i])});
    } else if (candidate.arguments[i] == TypeId::kUnknown) {
      has_any = true;
      known.push_back(Type{given[i]});
    }
  }
  if (!has_any) return true;
  Type common;
  size_t misfit;
  if (!common_type(known, &common, &misfit)) return false;
  if (common.id == TypeId::kUnknown) common.id = TypeId::kText;
  for (TypeId& argument : candidate.arguments) {
    if (argument == TypeId::kUnknown) argument = common.id;
    if (argument == TypeId::kAnyArray) argument = data::array_of(common.id);
  }
  if (candidate.result == TypeId::kUnknown) candidate.result = common.id;
  // An array of arrays is an array of more dimensions.
  if (candidate.result == TypeId::kAnyArray) candidate.result = data::array_of(common.id);
  return true;
}

std::optional<Candidate> expand(const std::vector<TypeId>& declared, bool variadic, TypeId result,
                                std::span<const TypeId> given, bool mixed_types = false) {
  if (given.size() < declared.size()) {
    // A variadic last argument is there at least once.
    return std::nullopt;
  }
  if (given.size() > declared.size() && (!variadic || declared.empty())) return std::nullopt;
  Candidate candidate;
  candidate.result = result;
  for (size_t i = 0; i < given.size(); ++i) {
    TypeId type = declared[std::min(i, declared.size() - 1)];
    if (mixed_types && type == TypeId::kUnknown) {
      type = given[i] == TypeId::kUnknown ? TypeId::kText : given[i];
    }
    candidate.arguments.push_back(type);
  }
  if (!resolve_any(candidate, given)) return std::nullopt;
  return candidate;
}

using Candidates = std::vector<Candidate>;

/// Keeps the candidates with the highest score.
template <typename F>
void keep_best(Candidates& candidates, const F& score) {
  int best = 0;
  for (const Candidate& candidate : candidates) best = std::max(best, score(candidate));
  std::erase_if(candidates, [&](const Candidate& candidate) { return score(candidate) < best; });
}

/// Unknown arguments choose a category: string if any candidate takes one, else the one that all
/// share.
void resolve_unknowns(Candidates& candidates, std::span<const TypeId> given) {
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] != TypeId::kUnknown) continue;
    char category = type_category(candidates[0].arguments[i]);
    bool conflict = false;
    bool preferred = false;
    for (const Candidate& candidate : candidates) {
      const char own = type_category(candidate.arguments[i]);
      if (own == 'S') {
        category = 'S';
        conflict = false;
        break;
      }
      conflict |= own != category;
    }
    if (conflict) return;
    for (const Candidate& candidate : candidates) {
      preferred |=
          type_category(candidate.arguments[i]) == category && is_preferred(candidate.arguments[i]);
    }
    Candidates kept;
    for (const Candidate& candidate : candidates) {
      if (type_category(candidate.arguments[i]) != category) continue;
      if (preferred && !is_preferred(candidate.arguments[i])) continue;
      kept.push_back(candidate);
    }
    if (!kept.empty()) candidates = std::move(kept);
  }
}

/// All known arguments have one type: the unknown ones are taken to have it too.
void assume_same_type(Candidates& candidates, std::span<const TypeId> given) {
  TypeId known = TypeId::kUnknown;
  for (TypeId type : given) {
    if (type == TypeId::kUnknown) continue;
    if (known != TypeId::kUnknown && known != type) return;
    known = type;
  }
  if (known == TypeId::kUnknown) return;
  Candidates kept;
  for (const Candidate& candidate : candidates) {
    if (std::all_of(candidate.arguments.begin(), candidate.arguments.end(),
                    [&](TypeId type) { return can_cast_implicitly(known, type); })) {
      kept.push_back(candidate);
    }
  }
  if (kept.size() == 1) candidates = std::move(kept);
}

/// varchar counts as text for exactness: it is binary compatible.
TypeId base_type(TypeId id) { return id == TypeId::kVarchar ? TypeId::kText : id; }

MatchOutcome choose(Candidates candidates, std::span<const TypeId> given, bool is_operator,
                    FunctionMatch* out) {
  auto give = [&](const Candidate& candidate) {
    *out = {candidate.scalar, candidate.aggregate, candidate.table, candidate.arguments,
            candidate.result};
    return MatchOutcome::kFound;
  };
  // "Any" arguments may have become what another candidate says outright: the first one stays.
  for (size_t i = 0; i < candidates.size(); ++i) {
    for (size_t j = candidates.size(); j-- > i + 1;) {
      if (candidates[j].arguments == candidates[i].arguments) {
        candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(j));
      }
    }
  }
  for (const Candidate& candidate : candidates) {
    if (std::equal(given.begin(), given.end(), candidate.arguments.begin())) return give(candidate);
  }
  // A binary operator with one unknown side: try the other side's type for it first.
  if (is_operator && given.size() == 2 &&
      (given[0] == TypeId::kUnknown) != (given[1] == TypeId::kUnknown)) {
    const TypeId known = base_type(given[0] == TypeId::kUnknown ? given[1] : given[0]);
    // What does not know character(n) takes it as text.
    for (const TypeId type : {known, known == TypeId::kChar ? TypeId::kText : known}) {
      for (const Candidate& candidate : candidates) {
        if (candidate.arguments[0] == type && candidate.arguments[1] == type) {
          return give(candidate);
        }
      }
    }
  }
  std::erase_if(candidates, [&](const Candidate& candidate) {
    for (size_t i = 0; i < given.size(); ++i) {
      if (!can_cast_implicitly(given[i], candidate.arguments[i])) return true;
    }
    return false;
  });
  if (candidates.empty()) return MatchOutcome::kNone;
  // What takes any type may have come out as a signature that there is already.
  Candidates distinct;
  for (Candidate& candidate : candidates) {
    if (std::none_of(distinct.begin(), distinct.end(), [&](const Candidate& other) {
          return other.arguments == candidate.arguments;
        })) {
      distinct.push_back(std::move(candidate));
    }
  }
  candidates = std::move(distinct);
  if (candidates.size() == 1) return give(candidates[0]);
  keep_best(candidates, [&](const Candidate& candidate) {
    int exact = 0;
    for (size_t i = 0; i < given.size(); ++i) {
      exact += given[i] != TypeId::kUnknown && base_type(given[i]) == candidate.arguments[i];
    }
    return exact;
  });
  if (candidates.size() == 1) return give(candidates[0]);
  keep_best(candidates, [&](const Candidate& candidate) {
    int good = 0;
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i] == TypeId::kUnknown) continue;
      good += base_type(given[i]) == candidate.arguments[i] ||
              (is_preferred(candidate.arguments[i]) &&
               type_category(candidate.arguments[i]) == type_category(given[i]));
    }
    return good;
  });
  if (candidates.size() == 1) return give(candidates[0]);
  resolve_unknowns(candidates, given);
  if (candidates.size() == 1) return give(candidates[0]);
  assume_same_type(candidates, given);
  if (candidates.size() == 1) return give(candidates[0]);
  return MatchOutcome::kAmbiguous;
}

}  // namespace

MatchOutcome match_scalar(std::string_view name, std::span<const TypeId> arguments,
                          bool is_operator, FunctionMatch* out) {
  Candidates candidates;
  const bool has_array = std::any_of(arguments.begin(), arguments.end(),
                                     [](TypeId type) { return data::is_array(type); });
  const bool has_char =
      std::find(arguments.begin(), arguments.end(), TypeId::kChar) != arguments.end();
  for (const udfs::ScalarFunction* function : udfs::find_scalar(name)) {
    // Of || with text, "any" is PostgreSQL's anynonarray, and character(n) is text.
    const bool takes_any = function->arguments != std::vector{TypeId::kText, TypeId::kText};
    if ((has_array || has_char) && takes_any && name == "||" && function->result == TypeId::kText) {
      continue;
    }
    auto candidate = expand(function->arguments, function->variadic, function->result, arguments,
                            function->mixed_types);
    if (!candidate) continue;
    candidate->scalar = function;
    candidates.push_back(std::move(*candidate));
  }
  return choose(std::move(candidates), arguments, is_operator, out);
}

MatchOutcome match_aggregate(std::string_view name, std::span<const TypeId> arguments,
                             FunctionMatch* out) {
  Candidates candidates;
  for (const udfs::AggregateFunction* function : udfs::find_aggregate(name)) {
    // array_agg of arrays is not there.
    const bool of_array = function->result == TypeId::kAnyArray && arguments.size() == 1 &&
                          function->arguments[0] == TypeId::kUnknown &&
                          data::is_array(arguments[0]);
    if (of_array) continue;
    auto candidate = expand(function->arguments, false, function->result, arguments);
    if (!candidate) continue;
    candidate->aggregate = function;
    candidates.push_back(std::move(*candidate));
  }
  return choose(std::move(candidates), arguments, false, out);
}

MatchOutcome match_table_function(std::string_view name, std::span<const TypeId> arguments,
                                  FunctionMatch* out) {
  Candidates candidates;
  for (const udfs::TableFunction* function : udfs::find_table_function(name)) {
    auto candidate = expand(function->arguments, false, TypeId::kUnknown, arguments);
    if (!candidate) continue;
    candidate->table = function;
    candidates.push_back(std::move(*candidate));
  }
  return choose(std::move(candidates), arguments, false, out);
}

MatchOutcome match_signatures(const std::vector<std::vector<TypeId>>& signatures,
                              std::span<const TypeId> arguments, size_t* chosen) {
  Candidates candidates;
  for (const std::vector<TypeId>& signature : signatures) {
    auto candidate = expand(signature, false, TypeId::kUnknown, arguments);
    if (candidate) candidates.push_back(std::move(*candidate));
  }
  FunctionMatch match;
  const MatchOutcome outcome = choose(std::move(candidates), arguments, false, &match);
  if (outcome == MatchOutcome::kFound) {
    const auto found = std::find(signatures.begin(), signatures.end(), match.arguments);
    *chosen = static_cast<size_t>(found - signatures.begin());
  }
  return outcome;
}

std::string type_list(std::span<const TypeId> types) {
  std::string out;
  for (TypeId id : types) {
    if (!out.empty()) out += ", ";
    out += Type{id}.name();
  }
  return out;
}

}  // namespace forebay::sql::binder
