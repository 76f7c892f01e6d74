// A keystore driver in a file of its own, loaded when a URL asks for it: commands that need no store
// don't pay for gRPC, curl or the ZooKeeper client at their start.
#pragma once

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/url.hpp"
#include "drivers/module/module.hpp"

namespace ovl {

// What a driver's file offers; see load_module().
struct KeystoreModule {
  const char* build;
  Result<std::unique_ptr<Keystore>> (*open)(const KeystoreUrl& url, const KeystoreOptions& options);
};

// The symbol that every driver exports, of type `const KeystoreModule`.
inline constexpr const char* kKeystoreSymbol = "ovl_keystore_module";

// Defines the exported symbol; `open` is the driver's own opening function.
#define OVL_KEYSTORE_MODULE(open_function)                                                 \
  extern "C" [[gnu::visibility("default")]] const ovl::KeystoreModule ovl_keystore_module; \
  extern "C" const ovl::KeystoreModule ovl_keystore_module {                               \
    ovl::kModuleBuild, (open_function)                                                     \
  }

}  // namespace ovl
