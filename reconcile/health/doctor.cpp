#include "reconcile/health/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "reconcile/cluster/standing.hpp"
#include "reconcile/health/doctor_parts.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A host whose clock is off by more than this misjudges locks' ages and others' last sight.
constexpr std::int64_t kClockSkew = 5;  // seconds

class Examination {
 public:
  explicit Examination(const Patient& patient) : patient_(patient) {}

  std::vector<Symptom> run() {
    examine_machine(patient_, out_);
    check_leftovers();
    ask_store();
    check_host();
    examine_plan(patient_, out_);
    if (knows_records()) {
      check_clock();
      check_hosts();
      examine_ports(patient_, view_, out_);
      examine_peers(patient_, view_, out_);
    }
    examine_settings(patient_, out_);
    return out_.all();
  }

 private:
  // What this host follows without its store stands in its plan.
  void ask_store() {
    const auto before = steady_clock::now();
    auto view = patient_.store != nullptr ? read_store(*patient_.store, StoreLayout(patient_.cluster))
                                          : Result<StoreView>(patient_.unplanned);
    const auto took = duration_cast<milliseconds>(steady_clock::now() - before);
    is_read_ = view.ok();
    if (is_read_) {
      view_ = std::move(view).value();
      tell_store(took);
    } else {
      out_.problem("store", view.error().message, view.error().hint);
      if (patient_.planned != nullptr) view_ = patient_.planned->cluster.view;
    }
    if (!patient_.loss.empty()) out_.problem("records", patient_.loss, "see docs/keystores.md, Restoring");
  }

  void tell_store(milliseconds took) {
    const std::string text =
        fmt::format("{} answers; the whole tree took {} ms", patient_.store->name(), took.count());
    if (took > milliseconds(1000)) {
      out_.note("store", text, "put a store member nearer to this host");
    } else {
      out_.good("store", text);
    }
    for (const Finding& finding : view_.refused) {
      out_.problem("record " + finding.subject, finding.message, finding.hint);
    }
    if (const auto unknown = unknown_keys(view_)) {
      out_.note(unknown->subject, unknown->message, unknown->hint);
    }
  }

  [[nodiscard]] bool knows_records() const { return !view_.records.hosts.empty(); }

  // What carries this cluster's marks and is in no memory of this host: whatever the state believes.
  void check_leftovers() {
    if (patient_.kernel == nullptr || patient_.state == nullptr) return;
    const auto known = patient_.state->namespaces();
    const auto marked = patient_.kernel->owned_namespaces();
    if (!known.ok() || !marked.ok()) return;
    HostObjects unknown;
    for (const NetnsName& name : marked.value()) {
      if (!std::ranges::binary_search(known.value(), name)) unknown.at(name);
    }
    const auto found = patient_.kernel->observe(unknown);
    if (!found.ok()) return out_.note("leftovers", found.error().message, found.error().hint);
    std::vector<std::string> names;
    for (const NamespaceObjects& space : found.value().namespaces) {
      if (is_of_cluster(space)) names.push_back(space.name.text());
    }
    if (names.empty()) {
      out_.good("leftovers", "nothing of ours that this host does not know of");
    } else {
      out_.problem("leftovers",
                   fmt::format("{}: ovl's marks are there, and this host's state knows nothing of it",
                               fmt::join(names, ", ")),
                   "ovl state recover, then ovl apply");
    }
  }

  [[nodiscard]] bool is_of_cluster(const NamespaceObjects& space) const {
    const auto ours = [&](std::string_view mark) { return is_owner_mark(patient_.cluster, mark); };
    return (space.netns && ours(space.netns->owner)) ||
           std::ranges::any_of(space.links, [&](const Link& link) { return ours(link.alias); }) ||
           std::ranges::any_of(space.hosts_files, [&](const HostsFile& file) { return ours(file.owner); });
  }

  void check_clock() {
    std::int64_t ahead = 0;
    std::string who;
    for (const auto& [host, status] : view_.status) {
      if (status.when - patient_.now > ahead) {
        ahead = status.when - patient_.now;
        who = host;
      }
    }
    if (ahead > kClockSkew) {
      out_.problem("clock", fmt::format("host {} reported {} s in our future", who, ahead),
                   "let both hosts keep their time by NTP");
    } else {
      out_.good("clock", "no host reported from our future");
    }
  }

  // What the store has lost was applied once, and is told already.
  void check_host() {
    const std::string& name = patient_.host.text();
    if (patient_.host.empty()) {
      out_.note("host", "this machine is none of the cluster's hosts", "say which one it is: --host NAME");
    } else if (is_read_ && patient_.loss.empty() && view_.records.host(patient_.host) == nullptr) {
      check_stranger(name);
    } else if (is_read_ && patient_.loss.empty()) {
      tell_standing(standing_of(view_, patient_.host));
      tell_agent();
    }
  }

  // Who was taken out of the manifest has still to remove what it had.
  void check_stranger(const std::string& name) {
    if (view_.status.contains(name)) {
      out_.problem("host", fmt::format("{}: {}", name, standing_of(view_, patient_.host).text),
                   "remove it: ovl apply --scope host");
    } else {
      out_.problem("host", fmt::format("{} is in no record of cluster {}", name, patient_.cluster.text()),
                   "apply the manifest that declares it: ovl apply");
    }
  }

  void tell_standing(const Standing& standing) {
    const std::string text = fmt::format("{}: {}", patient_.host.text(), standing.text);
    if (standing.kind == Standing::Kind::current) {
      out_.good("host", text);
    } else {
      out_.problem("host", text, "ovl apply");
    }
  }

  void tell_agent() {
    if (std::ranges::binary_search(view_.present, patient_.host)) {
      out_.good("agent", "ovl agent or ovl sync runs here");
    } else {
      out_.note("agent",
                "neither ovl agent nor ovl sync --interval runs here: this host follows the others only when "
                "somebody applies on it",
                "systemctl enable --now ovl-agent, or ovl sync --interval 1m");
    }
  }

  // Another host that is behind does not know what is new here. Without a network in common nothing is amiss
  // here.
  void check_hosts() {
    if (!is_read_ || patient_.host.empty()) return;
    const std::set<HostName> near = near_hosts();
    std::vector<std::string> missed;
    for (const HostRecord& host : view_.records.hosts) {
      const Standing standing = standing_of(view_, host.name);
      if (host.name == patient_.host || standing.kind == Standing::Kind::current) continue;
      if (standing.kind == Standing::Kind::lost) {
        tell_lost(host.name, standing);
      } else if (near.contains(host.name)) {
        out_.problem("host " + host.name.text(), standing.text,
                     fmt::format("ovl apply on {}, or look there: ovl doctor", host.name.text()));
      } else {
        missed.push_back(host.name.text());
      }
    }
    if (!missed.empty()) {
      out_.note("other hosts",
                fmt::format("not up to date, without a network of this host: {}", fmt::join(missed, ", ")),
                "ovl status");
    }
  }

  void tell_lost(const HostName& host, const Standing& standing) {
    out_.note("host " + host.text(),
              standing.text + "; nobody waits for it, and its packets are refused here",
              fmt::format(
                  "when it is back, there: ovl apply --scope host; gone for ever: take its block out of the "
                  "manifest, and then ovl host forget {}",
                  host.text()));
  }

  // Those with an endpoint in a network that has one here.
  [[nodiscard]] std::set<HostName> near_hosts() const {
    std::set<Label> networks;
    std::set<HostName> hosts;
    for (const EndpointRecord& endpoint : view_.records.endpoints) {
      if (endpoint.host == patient_.host) networks.insert(endpoint.network);
    }
    for (const EndpointRecord& endpoint : view_.records.endpoints) {
      if (networks.contains(endpoint.network)) hosts.insert(endpoint.host);
    }
    return hosts;
  }

  const Patient& patient_;
  StoreView view_;
  bool is_read_ = false;
  Symptoms out_;
};

}  // namespace

std::vector<Symptom> examine(const Patient& patient) {
  return Examination(patient).run();
}

}  // namespace ovl
