// The endpoints' part of "resolve": addresses, MACs and interface names of every attachment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reconcile/records/resolve.hpp"

namespace ovl {

// Ids of the current records: a thing keeps its own, a new one gets one that nobody has.
class IdBook {
 public:
  explicit IdBook(const Records& current);

  // own is the id that the thing has already; empty for a new one.
  [[nodiscard]] std::string id_for(const Label& cluster, std::string_view kind, std::string_view name,
                                   const std::string& own) const;

 private:
  std::vector<std::string> taken_;
};

// Whether a value that the manifest leaves open stays as it is recorded, whoever gave it. `chosen`: of the
// record; `automatic`: of the block, whose "auto" gives up what ovl has not chosen; `word`: as both call it.
bool is_kept(const std::vector<std::string>& chosen, const AutoKeys& automatic, std::string_view word);

// Preconditions: out.records holds the hosts and networks, networks sorted by name.
void resolve_endpoints(const Manifest& manifest, const Records& current, const IdBook& ids, Resolved& out);

}  // namespace ovl
