#include "reconcile/objects/freeze.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

const ObjectRef& object_of(const ObjectRef& before, const ObjectRef& after) {
  return std::holds_alternative<std::monostate>(after) ? before : after;
}

// "ovl:demo/endpoint/web" says that it is endpoint web's.
std::string endpoint_in(const std::string& mark) {
  constexpr std::string_view kEndpoint = "/endpoint/";
  const auto at = mark.find(kEndpoint);
  return at == std::string::npos ? std::string() : mark.substr(at + kEndpoint.size());
}

// A pair that can't be made is the fault of where its inner end goes: its outer end's name is ours alone.
const NetnsName& blamed(const NetnsName& space, const ObjectRef& after) {
  const auto* link = as<Link>(after);
  return link != nullptr && link->peer ? link->peer->netns : space;
}

// Where going on makes no sense, or is not safe: without the host's filter nothing is guarded.
bool stops_all(const Operation& failed, const Error& error) {
  if (is_host_filter(*failed.netns, object_of(failed.before, failed.after))) return true;
  // EACCES is a namespace's own word (disable_ipv6). EPERM is about who we are, but where a tenant may keep
  // what nobody else may delete (NFT_TABLE_F_OWNER, nf_tables_deltable()).
  const bool about_a_file = as<HostsFile>(object_of(failed.before, failed.after)) != nullptr;
  const bool about_us = !about_a_file && !is_tenants(blamed(*failed.netns, failed.after));
  if (error.os_errno == EPERM && about_us) return true;
  return error.code == Errc::interrupted || error.code == Errc::bug || error.code == Errc::unsupported;
}

}  // namespace

bool is_tenants(const NetnsName& space) {
  return !space.empty() && !space.text().starts_with(kSandboxPrefix);
}

bool is_host_filter(const NetnsName& space, const ObjectRef& object) {
  const auto* table = as<NftTable>(object);
  return space.empty() && table != nullptr && table->family != NftFamily::bridge;
}

std::string part_name(const Plan& plan, const NetnsName& space) {
  if (space.empty()) return "the gateway";
  const std::string& text = space.text();
  if (text.starts_with(kSandboxPrefix)) return "network " + text.substr(kSandboxPrefix.size());
  // Of what is wanted, never of what is there: that mark is the tenant's to write.
  const NamespaceObjects* wanted = plan.desired.find(space);
  const std::string name = wanted != nullptr && wanted->netns ? endpoint_in(wanted->netns->owner) : "";
  return name.empty() ? "netns " + text : "endpoint " + name;
}

void freeze(Plan& plan, const FrozenParts& also) {
  std::set<std::string> named;
  for (const Finding& conflict : plan.conflicts) {
    if (!conflict.part.empty()) named.insert(conflict.part);
  }
  if (named.empty() && also.empty()) return;
  FrozenParts parts(plan);
  parts.add(also);
  for (const NetnsName& space : plan.spaces) {
    if (named.contains(part_name(plan, space))) parts.add(space);
  }
  std::erase_if(plan.object_changes, [&](const ObjectChange& change) {
    const bool is_left = parts.leave(plan.spaces[change.space], change.before, change.after);
    if (is_left) plan.left.push_back(change);
    return is_left;
  });
  plan.frozen = parts.spaces();
}

std::vector<Finding> blame(const Plan& again, FrozenParts& frozen) {
  FrozenParts restless(again);
  std::vector<Finding> out;
  for (const ObjectChange& change : again.object_changes) {
    const NetnsName& space = blamed(again.spaces[change.space], change.after);
    if (!is_tenants(space) || !restless.add(space)) continue;
    out.push_back(
        Finding{.code = Errc::verify,
                .id = "part-failed",
                .subject = part_name(again, space),
                .message = fmt::format("{} differs right after the apply", name_of(again, change).address()),
                .hint = "look there for what changes it",
                .part = part_name(again, space)});
  }
  frozen.add(restless);
  return out;
}

FrozenParts::FrozenParts(const Plan& plan) {
  std::set<Device> made;
  for (const ObjectChange& change : plan.object_changes) {
    const auto* link = as<Link>(change.after);
    const bool is_new = change.action == Action::create || change.action == Action::replace;
    if (link != nullptr && is_new) made.insert({plan.spaces[change.space], link->name});
  }
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    for (const Link& link : space.links) {
      if (!link.peer) continue;
      Device outer{space.name, link.name};
      Device inner{link.peer->netns, link.peer->name};
      if (made.contains(outer) || made.contains(inner))
        pairs_.push_back({std::move(outer), std::move(inner)});
    }
  }
}

bool FrozenParts::add(const NetnsName& space) {
  if (!spaces_.insert(space).second) return false;
  for (const auto& [outer, inner] : pairs_) {
    if (outer.first != space && inner.first != space) continue;
    devices_.insert(outer);
    devices_.insert(inner);
  }
  return true;
}

void FrozenParts::add(const FrozenParts& others) {
  for (const NetnsName& space : others.spaces_) add(space);
  devices_.insert(others.devices_.begin(), others.devices_.end());
}

bool FrozenParts::cover(const NetnsName& space, const ObjectRef& object) const {
  if (spaces_.empty() || is_host_filter(space, object)) return false;
  if (spaces_.contains(space)) return true;
  const IfName device = device_of(object);
  return !device.empty() && devices_.contains({space, device});
}

bool FrozenParts::leave(const NetnsName& space, const ObjectRef& before, const ObjectRef& after) const {
  if (!is_host_filter(space, before) || !std::holds_alternative<std::monostate>(after)) {
    return cover(space, object_of(before, after));
  }
  return std::ranges::any_of(spaces_, [](const NetnsName& frozen) { return !is_tenants(frozen); });
}

bool Freezer::leaves(const Operation& operation) const {
  return parts_.leave(*operation.netns, operation.before, operation.after);
}

bool Freezer::take(const Operation& failed, const Error& error) {
  if (stops_all(failed, error)) return false;
  const NetnsName& space = blamed(*failed.netns, failed.after);
  if (!parts_.add(space)) return true;
  errors_.push_back(error);
  const bool refuses_itself = error.code == Errc::privilege;  // and not about who we are
  failures_.push_back(Finding{.code = refuses_itself ? Errc::kernel : error.code,
                              .id = "part-failed",
                              .subject = part_name(plan_, space),
                              .message = error.message,
                              .hint = refuses_itself ? "look there for what refuses it" : error.hint,
                              .part = part_name(plan_, space)});
  return true;
}

}  // namespace ovl
