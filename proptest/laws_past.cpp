// Laws of what generations keep of their records.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "proptest/site.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/past_records.hpp"

namespace ovl {

namespace {

using Seen = std::map<std::int64_t, Records>;

// What a generation is, as long as nobody has written part of the next one.
void note(Site& site, const Manifest& manifest, Seen& seen) {
  const StoreView view = site.view(manifest);
  if (view.head && view.head->digest == digest_of(view.records)) {
    seen.insert_or_assign(view.head->serial, view.records);
  }
}

void apply_on_all(Site& site, const Manifest& manifest, Seen& seen) {
  for (const HostBlock& host : manifest.hosts) {
    const auto applied = site.apply(manifest, host.name);
    if (!applied.ok()) RC_FAIL(applied.error().message);
    note(site, manifest, seen);
  }
}

// Ends between two steps, or at a store that fails.
void apply_in_part(Site& site, const Manifest& manifest, Seen& seen) {
  const auto steps = *rc::gen::inRange<std::size_t>(0, 12);
  static_cast<void>(site.apply_until(steps, manifest, manifest.hosts.front().name).ok());
  note(site, manifest, seen);
  site.store().add_fault({.call = site.store().call_count() + *rc::gen::inRange<std::size_t>(0, 20),
                          .when = KeystoreFault::When::before,
                          .code = Errc::unreachable,
                          .lasting = true});
  static_cast<void>(site.apply(manifest, manifest.hosts.front().name).ok());
  site.store().clear_faults();
  site.store().advance(std::chrono::minutes(2));
  note(site, manifest, seen);
}

}  // namespace

// Whatever was cut short on the way.
RC_GTEST_PROP(Past, EveryGenerationIsReadBackAsItWas, (const Manifest& first, const Manifest& second)) {
  Site site;
  Seen seen;
  const auto rounds = *rc::gen::inRange(1, 4);
  for (int round = 0; round < rounds; ++round) {
    const Manifest& manifest = round % 2 == 0 ? first : second;
    if (*rc::gen::arbitrary<bool>()) apply_in_part(site, manifest, seen);
    apply_on_all(site, manifest, seen);
  }
  const StoreView view = site.view(first);
  const StoreLayout layout(first.cluster.value);
  const auto store = site.store().connect();
  std::size_t read = 0;
  for (const auto& [serial, records] : seen) {
    const auto past = records_of_generation(*store, layout, view, serial);
    if (view.head->serial - serial >= kKeptGenerations) {
      RC_ASSERT(!past.ok());
      continue;
    }
    if (!past.ok()) RC_FAIL(past.error().message);
    RC_ASSERT(past.value() == records);
    ++read;
  }
  RC_ASSERT(read > 0U);
  RC_CLASSIFY(read > 2, "several are read back");
  const auto kept = store->read("ovl/" + first.cluster.value.text() + "/past/");
  RC_ASSERT(kept.ok());
  RC_ASSERT(kept.value().items.size() <= static_cast<std::size_t>(kKeptGenerations));
}

}  // namespace ovl
