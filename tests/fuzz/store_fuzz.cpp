// A store's tree is written by others: whatever stands in it, a host reads what is good and makes objects of
// nothing else. The input has one key and its value per line, parted by the first blank.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "reconcile/objects/project.hpp"
#include "reconcile/store/store_view.hpp"

namespace {

ovl::Snapshot snapshot_of(std::string_view bytes, const std::string& root) {
  ovl::Snapshot snapshot{.revision = 1};
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    const std::size_t blank = std::min(line.find(' '), line.size());
    snapshot.items.push_back({.key = root + std::string(line.substr(0, blank)),
                              .value = std::string(line.substr(std::min(blank + 1, line.size()))),
                              .created = 1,
                              .modified = 1});
  }
  auto& items = snapshot.items;
  std::ranges::stable_sort(items, {}, &ovl::KeyValue::key);
  const auto same = [](const ovl::KeyValue& a, const ovl::KeyValue& b) { return a.key == b.key; };
  items.erase(std::unique(items.begin(), items.end(), same), items.end());
  return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ovl::Label cluster = ovl::Label::parse("demo").value();
  const ovl::StoreLayout layout(cluster);
  const auto snapshot = snapshot_of({reinterpret_cast<const char*>(data), size}, layout.root());
  const ovl::StoreView view = ovl::view_of(snapshot, layout);
  for (const ovl::HostRecord& host : view.records.hosts) {
    static_cast<void>(
        ovl::project({.cluster = cluster, .host = host.name, .records = view.records, .facts = view.facts}));
  }
  // What was taken is taken again.
  ovl::StoreView again;
  again.records = view.records;
  ovl::validate_set(again);
  if (again.records.hosts.size() != view.records.hosts.size()) std::abort();
  if (again.records.networks.size() != view.records.networks.size()) std::abort();
  if (again.records.endpoints.size() != view.records.endpoints.size()) std::abort();
  return 0;
}
