// What a machine that is gone has left in the store.
#pragma once

#include "reconcile/store/store_view.hpp"

namespace ovl {

// Takes its claims, its facts and its status out; its record goes with its block in the manifest.
// Errors: not_found when there is nothing of it; stale when it has spoken just now; as the store.
Status forget_host(Keystore& store, const StoreLayout& layout, const HostName& host);

}  // namespace ovl
