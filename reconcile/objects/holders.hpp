// Which records an object of one host stands for. What is taken over or let go is named by record or by
// object; this is how one leads to the other.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/records/records.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

class Holders {
 public:
  // The records must outlive this.
  Holders(const Records& records, const HostName& host);

  // Of a namespace, a link, a table or a names file: the network of a sandbox; the attachment of a port or
  // of what is at its other end; all attachments of an endpoint for what they share; else the host.
  [[nodiscard]] std::vector<ChangeName> of(const NetnsName& space, const ObjectRef& object) const;

 private:
  [[nodiscard]] std::vector<ChangeName> of_link(const NetnsName& space, const Link& link) const;
  [[nodiscard]] const std::vector<const EndpointRecord*>& endpoints_in(const NetnsName& space) const;
  [[nodiscard]] std::vector<ChangeName> attachments_in(const NetnsName& space) const;
  [[nodiscard]] std::vector<ChangeName> by_space(const NetnsName& space) const;

  const HostName& host_;
  std::map<NetnsName, std::vector<const EndpointRecord*>> endpoints_;  // of this host, by their namespace
  std::set<std::string> networks_;                                     // with one of them
};

// Whether somebody who asks for `asked` means this object: by its own name, by a record that holds it, or
// by the network that the record's endpoint is in. `all`: each of its holders has to be asked for.
bool is_meant(std::span<const ChangeName> asked, const ChangeName& object,
              const std::vector<ChangeName>& holders, bool all);

}  // namespace ovl
