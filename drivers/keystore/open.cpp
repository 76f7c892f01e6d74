// The one place that knows which drivers there are.
#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/module.hpp"
#include "drivers/keystore/sqlite_keystore.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

std::string file_of(StoreKind kind) {
  switch (kind) {
    case StoreKind::sqlite: break;
    case StoreKind::etcd: return "ovl-etcd.so";
    case StoreKind::consul: return "ovl-consul.so";
    case StoreKind::zookeeper: return "ovl-zookeeper.so";
  }
  return {};
}

// Beside the program (a build tree), or where a package puts it. No environment variable has a say:
// what is loaded here runs as root.
std::string find_module(StoreKind kind, const std::string& directory) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path places[] = {program, program.parent_path() / "lib" / "ovl"};
  if (!directory.empty()) return fs::path(directory) / file_of(kind);
  for (const fs::path& place : places) {
    if (fs::exists(place / file_of(kind), error)) return place / file_of(kind);
  }
  return {};
}

Error no_driver(StoreKind kind, std::string_view why) {
  return Error{.code = Errc::unsupported,
               .message = fmt::format("the {} driver {}", store_name(kind), why),
               .hint = fmt::format("{} belongs beside the program or into ../lib/ovl", file_of(kind))};
}

// A driver stays loaded: its threads may outlive what it opened.
Result<const KeystoreModule*> load(StoreKind kind, const std::string& directory) {
  const std::string path = find_module(kind, directory);
  if (path.empty()) return no_driver(kind, "is not installed");
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) return no_driver(kind, fmt::format("can't be loaded: {}", dlerror()));
  const auto* module = static_cast<const KeystoreModule*>(dlsym(handle, kKeystoreSymbol));
  if (module == nullptr || std::string_view(module->build) != kKeystoreBuild) {
    return no_driver(kind, "is of another build");
  }
  return module;
}

Status check_transport(const KeystoreUrl& url, const KeystoreOptions& options) {
  if (url.is_local() || options.allow_plaintext || options.has_tls()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("{} would be spoken to in plain text", url.text()),
               .hint = url.kind == StoreKind::zookeeper
                           ? "set allow_plaintext = true in [keystore], and go through a tunnel"
                           : "give tls = { ca = \"file:...\" } in [keystore], or set allow_plaintext = true"};
}

}  // namespace

Result<std::unique_ptr<Keystore>> open_keystore(const KeystoreOptions& options) {
  OVL_TRY(KeystoreUrl url, parse_keystore_url(options.url));
  if (url.kind == StoreKind::sqlite) {
    OVL_TRY(auto store, SqliteKeystore::open({.path = std::move(url.path), .timeout = options.timeout}));
    return std::unique_ptr<Keystore>(std::move(store));
  }
  OVL_CHECK(check_transport(url, options));
  OVL_TRY(const KeystoreModule* module, load(url.kind, options.driver_directory));
  return module->open(url, options);
}

}  // namespace ovl
