// The records of earlier generations. Each generation keeps what it changed, as that was before, as long as
// the generation itself is kept: from today's records a way leads back to any of them. The keys stand beside
// the cluster's tree, as nobody reads them who does not go back.
#pragma once

#include <vector>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// How many generations are kept, the newest too.
inline constexpr std::int64_t kKeptGenerations = 20;

// What keeps the records that `desired` changes, to be written before them as the generation `serial`; and
// what drops those of the generation that is kept no longer. A write of the same generation that was cut
// short has left what it changed: that is kept with it. Errors: as the store.
Result<std::vector<Unit>> past_units(Keystore& store, const StoreLayout& layout, const StoreView& view,
                                     const Records& desired, std::int64_t serial);

// The records as the generation `serial` left them, checked against its digest. Errors: not_found (it is not
// kept, or not whole: an earlier version wrote it or one after it, or the store was filled again since); as
// the store.
Result<Records> records_of_generation(Keystore& store, const StoreLayout& layout, const StoreView& view,
                                      std::int64_t serial);

// The same as what is wanted again today: what a host says of itself stays as it is, and a VNI that was on
// its way to another one is where it was.
Records wanted_again(Records past, const Records& current);

}  // namespace ovl
