#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "sql/ast/statement.h"
#include "sql/lowering/lowering.h"
#include "sql/parser/parser.h"
#include "sql/plan/print.h"
#include "sql/planner.h"

namespace forebay::sql {

/// A catalog without an engine: statements are bound, lowered and, if they are DDL, published.
class PlannerFixture : public ::testing::Test {
 protected:
  class Numbers : public IdSource {
   public:
    ObjectId object() override { return ObjectId(++object_); }
    TableId table() override { return TableId(++table_); }

   private:
    uint32_t object_ = 0;
    uint32_t table_ = 0;
  };

  Result<BoundStatement> try_bind(const std::string& sql) {
    auto parsed = parse_statements(sql);
    if (!parsed.is_ok()) return parsed.take_status();
    BindOptions options;
    options.text = sql;
    options.parameter_types = parameter_types_;
    options.rows_per_second = [this](ObjectId id) {
      auto found = rates_.find(catalog_.snapshot()->find(id)->name);
      return found == rates_.end() ? std::nullopt : std::optional<double>(found->second);
    };
    return sql::bind(*parsed->at(0).statement, catalog_.snapshot(), options);
  }

  /// Binds; DDL is done.
  BoundStatement run(const std::string& sql) {
    auto bound = try_bind(sql);
    if (!bound.is_ok()) {
      ADD_FAILURE() << sql << ": " << bound.error().message << " at " << bound.error().position;
      return {};
    }
    if (const auto* create = std::get_if<BoundCreate>(&bound->what);
        create != nullptr && !create->exists_already) {
      auto made = build_object(*create, numbers_);
      if (!made.is_ok()) {
        ADD_FAILURE() << sql << ": " << made.error().message;
        return {};
      }
      records_.push_back(made->record);
      if (made->fragment) fragments_[made->object->name] = *made->fragment;
      catalog_.publish(catalog_.snapshot()->with(made->object));
    } else if (const auto* drop = std::get_if<BoundDrop>(&bound->what)) {
      std::vector<ObjectId> ids;
      for (const auto& object : drop->objects) ids.push_back(object->id);
      catalog_.publish(catalog_.snapshot()->without(ids));
    }
    return std::move(*bound);
  }

  std::string explain(const std::string& sql) {
    BoundStatement bound = run("EXPLAIN " + sql);
    std::string text;
    const auto* lines = std::get_if<BoundExplain>(&bound.what);
    if (lines == nullptr) return text;
    for (const std::string& line : lines->lines) text += line + "\n";
    return text;
  }

  /// "SQLSTATE position message | detail | hint" of what must fail.
  std::string failure(const std::string& sql) {
    auto bound = try_bind(sql);
    if (bound.is_ok()) return "no error";
    const data::Error& error = bound.error();
    std::string text = std::string(error.sqlstate.view()) + " " + std::to_string(error.position) +
                       " " + error.message;
    if (!error.detail.empty()) text += " | " + error.detail;
    if (!error.hint.empty()) text += " | " + error.hint;
    return text;
  }

  catalog::Catalog catalog_;
  Numbers numbers_;
  std::vector<Type> parameter_types_;
  /// Rows per second of relations, by name.
  std::map<std::string, double> rates_;
  std::vector<runtime::CatalogRecord> records_;
  std::map<std::string, runtime::Fragment> fragments_;
};

}  // namespace forebay::sql
