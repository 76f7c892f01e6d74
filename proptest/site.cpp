#include "proptest/site.hpp"

#include <limits>

namespace ovl {

namespace {

// So small that an apply is several transactions: a record that gets another name with all its claims, and
// the fence.
constexpr std::size_t kOperations = 24;

}  // namespace

Site::Site() : store_(std::make_unique<FakeStore>()) {}

Site::Machine& Site::machine(const HostName& host) {
  Machine& found = machines_[host];
  if (!found.state) {
    auto cluster = Label::parse("c-" + host.text());
    auto state = State::open({.root = directory_.path(), .cluster = std::move(cluster).value()});
    if (!state.ok()) std::abort();
    found.state = std::make_unique<State>(std::move(state).value());
    HostFacts facts;
    facts.machine = "machine-of-" + host.text();
    found.kernel.set_facts(std::move(facts));
  }
  return found;
}

World Site::world(Machine& machine, Keystore& keystore) {
  World world;
  world.kernel = &machine.kernel;
  world.keystore = &keystore;
  world.state = machine.state.get();
  world.now = 1'700'000'000;
  world.holder = StoreLock::Holder{.who = "tester", .host = "h", .boot = "b", .pid = 1, .since = 1};
  return world;
}

Request Site::request(const Manifest& manifest, const HostName& host) {
  Request request;
  request.cluster = manifest.cluster.value;
  request.host = host;
  request.manifest = &manifest;
  request.origin.source = "dir:test";
  request.max_destroy = DestroyLimit{.value = 100, .percent = true};
  request.lock_timeout = std::chrono::milliseconds(0);
  return request;
}

Result<Applied> Site::apply(const Manifest& manifest, const HostName& host) {
  return apply_until(std::numeric_limits<std::size_t>::max(), manifest, host);
}

Result<Applied> Site::apply_until(std::size_t asked, const Manifest& manifest, const HostName& host) {
  const auto keystore = store_->connect("fake://", kOperations);
  World here = world(machine(host), *keystore);
  here.stop = [asked, so_far = std::size_t{0}]() mutable { return ++so_far > asked; };
  return ovl::apply(
      request(manifest, host), here, [](const Plan&) { return Status(); }, Progress());
}

Status Site::apply_all(const Manifest& manifest) {
  for (const HostBlock& host : manifest.hosts) {
    auto applied = apply(manifest, host.name);
    if (!applied.ok()) return std::move(applied).error();
  }
  return {};
}

Status Site::settle(const Manifest& manifest) {
  constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds; ++round) {
    OVL_CHECK(apply_all(manifest));
    bool settled = true;
    for (const HostBlock& host : manifest.hosts) {
      OVL_TRY(const Planned planned, plan(manifest, host.name));
      settled = settled && planned.plan.empty() && planned.plan.waiting.empty();
    }
    if (settled) return {};
  }
  return Error{.code = Errc::verify, .message = "the hosts don't come to an end"};
}

Result<Planned> Site::plan(const Manifest& manifest, const HostName& host) {
  const auto keystore = store_->connect("fake://", kOperations);
  World here = world(machine(host), *keystore);
  return make_plan(request(manifest, host), here);
}

StoreView Site::view(const Manifest& manifest) {
  auto view = read_store(*store_->connect(), StoreLayout(manifest.cluster.value));
  if (!view.ok()) std::abort();
  return std::move(view).value();
}

void Site::lose_store() {
  store_ = std::make_unique<FakeStore>();
}

}  // namespace ovl
