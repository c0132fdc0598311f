#include "udfs/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <deque>
#include <map>
#include <mutex>
#include <tuple>

#include "udfs/extension.h"

namespace forebay::udfs {

namespace {

using data::Error;
using data::Result;
using data::Status;

/// Copies of the descriptors under the names that SQL has given them.
class Libraries {
 public:
  static Libraries& instance() {
    static Libraries& libraries = *new Libraries;
    return libraries;
  }

  Result<LoadedFunction> load(const std::string& path, const std::string& symbol,
                              const std::string& name) {
    std::lock_guard lock(mutex_);
    FOREBAY_ASSIGN_OR_RETURN(const ExportedFunction* exported, exported_by(path, symbol));
    auto [known, is_new] = loaded_.try_emplace({path, symbol, name});
    if (!is_new) return known->second;
    names_.push_back(name);
    if (exported->scalar != nullptr) {
      ScalarFunction& copy = scalars_.emplace_back(*exported->scalar);
      copy.name = names_.back();
      copy.category = "user";
      known->second.scalar = &copy;
    } else {
      TableFunction& copy = tables_.emplace_back(*exported->table);
      copy.name = names_.back();
      known->second.table = &copy;
    }
    return known->second;
  }

 private:
  Result<const ExportedFunction*> exported_by(const std::string& path, const std::string& symbol) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      return Status(Error{.sqlstate = data::SqlState("58P01"),
                          .fault = data::Fault::kEnvironment,
                          .message = fmt::format("could not access file \"{}\"", path),
                          .detail = std::string(dlerror())});
    }
    using Describe = const ExportedFunction* (*)();
    auto describe = reinterpret_cast<Describe>(dlsym(library, symbol.c_str()));
    if (describe == nullptr) {
      return Status(Error{
          .sqlstate = data::sqlstate::kUndefinedFunction,
          .message = fmt::format("could not find function \"{}\" in file \"{}\"", symbol, path),
          .hint = "It is begun with FOREBAY_SCALAR_FUNCTION or FOREBAY_TABLE_FUNCTION."});
    }
    const ExportedFunction* exported = describe();
    const bool same = exported != nullptr && exported->abi_version == kFunctionAbiVersion &&
                      exported->abi_layout == kFunctionAbiLayout;
    if (!same) {
      return Status(Error{
          .sqlstate = data::SqlState("XX000"),
          .fault = data::Fault::kUser,
          .message = fmt::format("incompatible library \"{}\": version mismatch", path),
          .detail = exported == nullptr
                        ? std::string("The function describes nothing.")
                        : fmt::format("Server is version {} ({}), library is version {} ({}).",
                                      kFunctionAbiVersion, kFunctionAbiLayout,
                                      exported->abi_version, exported->abi_layout),
          .hint = "Build it against the headers of this server."});
    }
    const bool is_described =
        (exported->scalar != nullptr && exported->scalar->kernel != nullptr) ||
        (exported->table != nullptr && exported->table->kernel != nullptr);
    if (!is_described) {
      return Status(data::sqlstate::kUndefinedFunction,
                    fmt::format("function \"{}\" in file \"{}\" has no kernel", symbol, path));
    }
    return exported;
  }

  std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, LoadedFunction> loaded_;
  std::deque<std::string> names_;
  std::deque<ScalarFunction> scalars_;
  std::deque<TableFunction> tables_;
};

}  // namespace

Result<LoadedFunction> load_function(const std::string& path, const std::string& symbol,
                                     const std::string& name) {
  return Libraries::instance().load(path, symbol, name);
}

}  // namespace forebay::udfs
