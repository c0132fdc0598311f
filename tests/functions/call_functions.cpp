#include <iostream>

#include "tests/unit/udfs/harness.h"
#include "udfs/window_function.h"

/// Calls functions for compare.py. `--list` prints the registry: kind, name, argument types, result
/// type and flags, separated by tabs. `--examples` prints the examples, `--page`
/// docs/sql/functions.md. Otherwise every line of input is a call (name, then type=value ...) and
/// gets a line of output. Casts are named cast:TYPE.
namespace forebay::udfs::test {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\')
      out += "\\\\";
    else
      out += c;
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

std::string type_word(TypeId id) {
  return id == TypeId::kUnknown ? "any" : id == TypeId::kAnyArray ? "anyarray" : Type{id}.name();
}

void list_functions() {
  for (const ScalarFunction* function : all_scalar_functions()) {
    if (function->name == "cast") continue;
    std::string types;
    for (TypeId type : function->arguments) types += (types.empty() ? "" : ",") + type_word(type);
    std::cout << "function\t" << function->name << "\t" << types << "\t"
              << type_word(function->result) << "\t" << (function->variadic ? "variadic " : "")
              << (function->mixed_types ? "mixed " : "")
              << (function->volatility == Volatility::kImmutable ? "" : "changing ")
              << function->category << "\n";
  }
  for (int from = 1; from < data::kTypeCount; ++from) {
    for (int to = 1; to < data::kTypeCount; ++to) {
      const Cast* cast = find_cast(static_cast<TypeId>(from), static_cast<TypeId>(to));
      if (cast == nullptr) continue;
      std::cout << "cast\tcast:" << type_word(cast->to) << "\t" << type_word(cast->from) << "\t"
                << type_word(cast->to) << "\t\n";
    }
  }
}

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string examples_cell(const std::vector<Example>& examples) {
  std::string out;
  for (const Example& example : examples) {
    if (!out.empty()) out += "<br>";
    out += "`" + cell(example.sql) + "` → `" + cell(example.result) + "`";
  }
  return out;
}

std::string arguments_text(const std::vector<TypeId>& types, bool variadic) {
  std::string out;
  for (TypeId type : types) out += (out.empty() ? "" : ", ") + type_word(type);
  return variadic ? out + ", ..." : out;
}

/// docs/sql/functions.md.
void print_page() {
  std::cout << "# Functions, operators and aggregates\n\n"
               "Written by `call_functions --page` from the descriptors; don't edit. The names and "
               "answers are\n"
               "PostgreSQL's. `any` takes every type. NULL arguments give NULL unless the "
               "description says more.\n"
               "CASE, COALESCE and NULLIF are part of the language, not functions.\n";
  std::vector<std::string_view> categories;
  for (const ScalarFunction* function : all_scalar_functions()) {
    if (std::find(categories.begin(), categories.end(), function->category) == categories.end()) {
      categories.push_back(function->category);
    }
  }
  for (std::string_view category : categories) {
    std::cout << "\n## " << category << "\n\n| function | result | description | example |\n"
              << "| --- | --- | --- | --- |\n";
    for (const ScalarFunction* function : all_scalar_functions()) {
      if (function->category != category) continue;
      std::cout << "| `" << cell(function->name) << "("
                << arguments_text(function->arguments, function->variadic) << ")` | "
                << type_word(function->result) << " | " << cell(function->description) << " | "
                << examples_cell(function->examples) << " |\n";
    }
  }
  std::cout << "\n## aggregate\n\n| function | result | description | example |\n"
            << "| --- | --- | --- | --- |\n";
  for (const AggregateFunction* function : all_aggregate_functions()) {
    const bool star = function->arguments.empty();
    std::cout << "| `" << function->name << "("
              << (star ? "*" : arguments_text(function->arguments, false)) << ")` | "
              << type_word(function->result) << " | " << cell(function->description) << " | "
              << examples_cell(function->examples) << " |\n";
  }
  std::cout << "\n## window\n\nThey need OVER, which aggregates take, too: see [over](over.md).\n\n"
            << "| function | result | description | example |\n| --- | --- | --- | --- |\n";
  for (const WindowFunction& function : all_window_functions()) {
    const bool same = function.result == TypeId::kUnknown;
    std::cout << "| `" << function.name << "(" << arguments_text(function.arguments, false)
              << ")` | " << (same ? "as the argument" : type_word(function.result)) << " | "
              << cell(function.description) << " | " << examples_cell(function.examples) << " |\n";
  }
  std::cout << "\n## table\n\nThey give rows, in FROM.\n\n"
            << "| function | columns | description | example |\n| --- | --- | --- | --- |\n";
  for (const TableFunction* function : all_table_functions()) {
    std::string columns;
    for (const TableFunction::Column& column : function->columns) {
      columns += (columns.empty() ? "" : ", ") + std::string(column.name) + " " +
                 std::string(type_word(column.type));
    }
    std::cout << "| `" << function->name << "(" << arguments_text(function->arguments, false)
              << ")` | " << columns << " | " << cell(function->description) << " | "
              << examples_cell(function->examples) << " |\n";
  }
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  for (size_t at; (at = line.find(separator, start)) != std::string::npos; start = at + 1) {
    parts.push_back(line.substr(start, at - start));
  }
  parts.push_back(line.substr(start));
  return parts;
}

std::string answer(const std::string& line) {
  std::vector<std::string> parts = split(line, '\t');
  std::vector<Datum> arguments;
  for (size_t i = 1; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    const Type type{data::type_of_name(parts[i].substr(0, equals))};
    const std::string text = unescaped(parts[i].substr(equals + 1));
    if (text == "\x01NULL") {
      arguments.push_back(Null(type));
      continue;
    }
    data::Result<Datum> parsed = data::parse_datum(text, type);
    if (!parsed.is_ok()) {
      return std::string(parsed.error().sqlstate.view()) + " " + parsed.error().message;
    }
    arguments.push_back(*parsed);
  }
  if (parts[0].starts_with("cast:")) {
    const TypeId to = data::type_of_name(parts[0].substr(5));
    return cast(arguments[0], Type{to});
  }
  return run(parts[0], arguments);
}

}  // namespace
}  // namespace forebay::udfs::test

int main(int argc, char** argv) {
  using namespace forebay::udfs;
  testing::InitGoogleTest(&argc, argv);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--list") {
    test::list_functions();
    return 0;
  }
  if (mode == "--page") {
    test::print_page();
    return 0;
  }
  if (mode == "--examples") {
    for (const FunctionExample& example : forebay_function_examples()) {
      const auto named = find_scalar(example.name);
      // Not PostgreSQL's to judge: what describes this server.
      if (!named.empty() && (named[0]->category == "catalog" || named[0]->category == "system")) {
        continue;
      }
      // RisingWave's; in PostgreSQL these are window functions, or not there.
      static constexpr std::string_view kNotThere[] = {"first_value", "last_value",
                                                       "approx_count_distinct"};
      if (std::find(std::begin(kNotThere), std::end(kNotThere), example.name) !=
          std::end(kNotThere)) {
        continue;
      }
      std::cout << test::escaped(example.example.sql) << "\t"
                << test::escaped(example.example.result) << "\n";
    }
    return 0;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << test::escaped(test::answer(line)) << "\n";
  }
  return 0;
}
