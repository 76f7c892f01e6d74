#include "tests/stores/applying.hpp"

#include <fmt/format.h>

#include <atomic>
#include <ctime>

#include "reconcile/cluster/transfer.hpp"
#include "reconcile/manifest/parse.hpp"

namespace ovl::test {

namespace {

std::string manifest_text(const Wish& wish) {
  std::string text = fmt::format(R"([cluster]
name = "{0}"
[keystore]
url = "sqlite:///unused"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "192.0.2.2"
[network.one]
subnet = "10.1.0.0/24"
labels = {{ mark = "{1}" }}
[network.two]
subnet = "10.2.0.0/24"
labels = {{ mark = "{1}" }}
[endpoint.x]
network = "one"
host = "a"
labels = {{ mark = "{1}" }}
[endpoint.y]
network = "two"
host = "b"
)",
                                 wish.cluster, wish.mark);
  if (!wish.grown) return text;
  return text + R"([network.three]
subnet = "10.3.0.0/24"
[endpoint.u]
network = "three"
host = "a"
[endpoint.v]
network = "three"
host = "b"
)";
}

// A request keeps a pointer to its manifest.
struct Asked {
  explicit Asked(const Wish& wish)
      : parsed(parse(Sources{{.name = "ovl.toml", .text = manifest_text(wish)}})) {}

  [[nodiscard]] Request request(const ApplyOptions& options) const {
    Request request;
    request.scope = options.machine == nullptr ? Scope::cluster : Scope::all;
    request.cluster = parsed.manifest.cluster.value;
    if (options.machine != nullptr) request.host = parsed.manifest.hosts.front().name;
    request.manifest = &parsed.manifest;
    request.origin.source = "dir:test";
    request.lock_timeout = std::chrono::minutes(2);
    request.lock_ttl = options.lock_ttl;
    request.restored = options.restored;
    return request;
  }

  Parsed parsed;
};

World world_of(Keystore& store, const Wish& wish, const ApplyOptions& options) {
  World world;
  world.keystore = &store;
  world.now = std::time(nullptr);
  world.holder = StoreLock::Holder{
      .who = wish.mark, .host = "h-" + wish.mark, .boot = "b", .pid = getpid(), .since = world.now};
  world.holder_is_dead = options.holder_is_dead;
  if (options.machine == nullptr) return world;
  world.kernel = &options.machine->kernel();
  world.state = &options.machine->state();
  world.lock_out_patience = options.lock_out_patience;
  return world;
}

}  // namespace

std::string cluster_name(const std::string& what) {
  static std::atomic<int> count = 0;
  return fmt::format("{}-{}-{}", what, getpid(), ++count);
}

Machine::Machine(const std::string& cluster)
    : state_(std::make_unique<State>(
          must(State::open({.root = directory_.path(), .cluster = must(Label::parse(cluster))})))) {
  HostFacts facts;
  facts.machine = "machine-of-a";
  kernel_.set_facts(std::move(facts));
}

Result<Applied> apply_once(Keystore& store, const Wish& wish, const ApplyOptions& options) {
  const Asked asked(wish);
  World world = world_of(store, wish, options);
  return apply(
      asked.request(options), world, [](const Plan&) { return Status(); }, Progress());
}

Result<Planned> plan_once(Keystore& store, const Wish& wish, const ApplyOptions& options) {
  const Asked asked(wish);
  World world = world_of(store, wish, options);
  return make_plan(asked.request(options), world);
}

void expect_converged(Keystore& store, const Wish& wish, const ApplyOptions& options) {
  const Planned planned = must(plan_once(store, wish, options));
  EXPECT_TRUE(planned.plan.empty());
  EXPECT_TRUE(planned.draft.problems.empty());
  for (const auto& finding : check_cluster_tree(planned.cluster.view)) {
    ADD_FAILURE() << finding.subject << ": " << finding.message;
  }
}

}  // namespace ovl::test
