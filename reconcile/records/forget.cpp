#include "reconcile/records/forget.hpp"

#include <fmt/format.h>

namespace ovl {

namespace {

// Its name, and the address that its record holds: another machine may have that now.
std::vector<std::string> keys_of(const StoreView& view, const StoreLayout& layout, const HostName& host) {
  std::vector<std::string> out{layout.claim(host_claim(host)), layout.facts(host), layout.status(host)};
  for (const auto& [claim, holder] : view.claims) {
    if (claim != host_claim(host) && holder == "host/" + host.text()) out.push_back(layout.claim(claim));
  }
  return out;
}

}  // namespace

Status forget_host(Keystore& store, const StoreLayout& layout, const HostName& host) {
  OVL_TRY(const StoreView view, read_store(store, layout));
  Transaction transaction;
  for (const std::string& key : keys_of(view, layout, host)) {
    const auto at = view.revisions.find(key);
    if (at == view.revisions.end()) continue;
    transaction.guards.push_back({.kind = Guard::Kind::unmodified, .key = key, .revision = at->second});
    transaction.writes.push_back(Write{.key = key, .value = {}});
  }
  if (transaction.writes.empty()) {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("nothing is known of a machine called {}", host.text()),
                 .hint = "see which there are with: ovl host ls"};
  }
  OVL_TRY(const CommitResult result, store.commit(transaction));
  if (result.committed) return {};
  return Error{.code = Errc::stale,
               .message = fmt::format("{} reported itself just now; nothing was forgotten", host.text()),
               .hint = "it is alive: stop what applies there, ovl agent or ovl sync, then forget it again"};
}

}  // namespace ovl
