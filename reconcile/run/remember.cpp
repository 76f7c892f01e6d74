#include "reconcile/run/remember.hpp"

#include <algorithm>

#include "reconcile/base/ids.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/write.hpp"
#include "reconcile/host/execute_objects.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/objects/made_here.hpp"
#include "reconcile/objects/recorded.hpp"

namespace ovl {

namespace {

// This machine with the address that it has now; the last one, where none was asked for.
Result<HostIdentity> own_identity(const World& world, const Planned& planned) {
  HostIdentity out = world.identity;
  OVL_TRY(const auto known, identity_of(*world.state));
  if (planned.own.facts && planned.own.facts->vtep) {
    out.address = planned.own.facts->vtep->text();
  } else if (known) {
    out.address = known->address;
  }
  return out;
}

Status bind_identity(const World& world, const Planned& planned) {
  if (world.identity == HostIdentity{}) return {};
  OVL_TRY(const HostIdentity identity, own_identity(world, planned));
  return remember_identity(*world.state, identity);
}

Status bind_name(const Task& task, const World& world) {
  OVL_CHECK(world.state->bind("host", task.host.text()));
  return task.keystore_access.empty() ? Status() : world.state->bind("keystore", task.keystore_access);
}

// What this host follows from now on.
Status bind_host(const Task& task, const World& world, const Planned& planned) {
  OVL_CHECK(bind_name(task, world));
  State& state = *world.state;
  if (planned.own.facts) OVL_CHECK(state.bind(kClaimBinding, planned.own.facts->machine));
  if (!planned.cluster.view.head) return {};
  OVL_CHECK(remember_forgotten(state, {}));
  OVL_CHECK(remember_lost(state, planned.cluster.lost));
  // After a part of a plan this host does not stand at these records.
  if (planned.plan.partial) return follow_lineage(state, planned.cluster.view.head->lineage, world.now);
  return keep_records(state, task, world, planned.cluster, planned.draft);
}

Status put_status(const Task& task, World& world, const HostStatus& status) {
  return publish(*world.keystore, StoreLayout(task.cluster).status(task.host), encode(status));
}

// Out of the records, and nothing of it is left here: nobody has to wait for this host.
bool is_gone(const Planned& planned) {
  const HostName& host = planned.plan.host;
  return planned.draft.desired.host(host) == nullptr && left_as_it_is(planned).empty() &&
         !std::ranges::binary_search(planned.cluster.view.frozen_hosts, host);
}

Status remove_status(const Task& task, World& world, Planned& planned, const HostName& host) {
  if (planned.cluster.view.status.erase(host.text()) == 0) return {};
  const std::string key = StoreLayout(task.cluster).status(host);
  return commit(*world.keystore, Transaction{.guards = {}, .writes = {{.key = key, .value = {}}}});
}

// What this host said under the name that it had before.
Status leave_former_name(const Task& task, World& world, Planned& planned) {
  OVL_TRY(const auto former, world.state->binding("host"));
  const bool renamed = former && !former->empty() && *former != task.host.text();
  if (!renamed) return {};
  const auto name = HostName::parse(*former);
  if (!name.ok() || planned.draft.desired.host(name.value()) != nullptr) return {};
  return remove_status(task, world, planned, name.value());
}

Status keep_generation(World& world, const Planned& planned, const std::string& apply_id) {
  const auto& head = planned.cluster.view.head;
  return record_generation(*world.state, planned.plan, head ? head->serial : 0, apply_id, world.now,
                           world.holder.who);
}

// A state that was lost, or is of another generation, is written again also when nothing changes.
Result<bool> is_kept(const Task& task, const World& world, const Planned& planned) {
  if (!planned.cluster.view.head) return true;
  OVL_TRY(const StoredRecords kept, world.state->records_head());
  OVL_TRY(const auto host, world.state->binding("host"));
  return host == task.host.text() && kept.lineage == planned.cluster.view.head->lineage &&
         kept.serial == planned.cluster.view.head->serial;
}

// A host on which a generation changes nothing stands at it all the same.
bool is_reported(const Planned& planned) {
  if (!planned.cluster.view.head) return true;
  if (is_gone(planned)) return !planned.cluster.view.status.contains(planned.plan.host.text());
  return is_published(planned) && planned.cluster.memory.head == planned.cluster.view.head;
}

}  // namespace

Status keep_and_report(const Task& task, World& world, Planned& planned, const std::string& apply_id) {
  OVL_CHECK(keep_generation(world, planned, apply_id));
  if (planned.cluster.away) return {};
  OVL_CHECK(leave_former_name(task, world, planned));
  OVL_CHECK(bind_host(task, world, planned));
  OVL_CHECK(bind_identity(world, planned));
  if (planned.plan.partial) return {};
  if (is_gone(planned)) return remove_status(task, world, planned, task.host);
  const HostStatus status = good_status(planned, world.now, apply_id);
  OVL_CHECK(put_status(task, world, status));
  planned.cluster.view.status.insert_or_assign(task.host.text(), status);
  std::erase(planned.cluster.lost, task.host);
  return {};
}

Status keep_removal(const Task& task, World& world, const Planned& planned, const std::string& apply_id) {
  OVL_CHECK(keep_generation(world, planned, apply_id));
  OVL_CHECK(bind_name(task, world));
  return bind_identity(world, planned);
}

Result<bool> is_kept_and_reported(const Task& task, const World& world, const Planned& planned) {
  if (planned.plan.partial || planned.cluster.away) return true;
  OVL_TRY(const bool kept, is_kept(task, world, planned));
  return kept && is_reported(planned);
}

Status confirm_state(World& world, const Planned& planned) {
  if (planned.plan.partial || planned.cluster.away) return {};
  OVL_CHECK(bind_identity(world, planned));
  OVL_CHECK(remember_lost(*world.state, planned.cluster.lost));
  OVL_CHECK(remember_births(planned.plan.observed, planned.plan.cluster, *world.state));
  OVL_TRY(const bool certain, world.state->is_certain());
  return certain ? Status() : world.state->stamp();
}

bool concerns_others(Errc code) {
  switch (code) {
    case Errc::usage:
    case Errc::not_found:
    case Errc::manifest:
    case Errc::stale:
    case Errc::locked:
    case Errc::unreachable:
    case Errc::in_doubt:
    case Errc::interrupted: return false;
    case Errc::io:
    case Errc::conflict:
    case Errc::guard:
    case Errc::privilege:
    case Errc::kernel:
    case Errc::corrupt:
    case Errc::verify:
    case Errc::unsupported:
    case Errc::bug: return true;
  }
  return true;
}

void report_failure(const Task& task, World& world, const Planned& planned, const Error& error) {
  if (!planned.has_host() || planned.cluster.away || !concerns_others(error.code)) return;
  if (planned.cluster.standing().host(task.host) == nullptr &&
      planned.draft.desired.host(task.host) == nullptr)
    return;
  static_cast<void>(put_status(task, world, failed_status(planned, error, world.now, random_id())).ok());
}

Status report_drift(const Task& task, World& world, const Planned& planned) {
  if (!planned.has_host() || planned.cluster.away) return {};
  return put_status(task, world, drift_status(planned, world.now));
}

Status note_away(const World& world, const Planned& planned) {
  OVL_TRY(const auto before, world.state->binding("away since"));
  const bool was = before && !before->empty();
  if (was == planned.cluster.away) return {};
  return world.state->bind("away since", planned.cluster.away ? std::to_string(world.now) : std::string());
}

}  // namespace ovl
