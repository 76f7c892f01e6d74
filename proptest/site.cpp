#include "proptest/site.hpp"

#include <cerrno>
#include <limits>

namespace ovl {

namespace {

// So small that an apply is several transactions: a record that gets another name with all its claims, and
// the fence.
constexpr std::size_t kOperations = 24;

}  // namespace

Site::Site() : store_(std::make_unique<FakeStore>()) {}

Status Site::write_to(Disk& disk) {
  const std::size_t number = disk.writes++;
  const bool fails = disk.fails_at && (disk.lasting ? number >= *disk.fails_at : number == *disk.fails_at);
  if (!fails) return {};
  return Error{.code = Errc::io, .message = "the disk is full", .hint = "make room", .os_errno = ENOSPC};
}

State Site::open_state(const HostName& host, const std::shared_ptr<Disk>& disk) {
  auto cluster = Label::parse("c-" + host.text());
  const std::string root = directory_.file(std::to_string(lives_));
  auto state = State::open({.root = root, .cluster = std::move(cluster).value(), .before_write = [disk] {
                              return write_to(*disk);
                            }});
  if (!state.ok()) std::abort();
  return std::move(state).value();
}

Site::Machine& Site::machine(const HostName& host) {
  Machine& found = machines_[host];
  if (!found.state) {
    found.state = std::make_unique<State>(open_state(host, found.disk));
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
  world.holder = StoreLock::Holder{.who = "tester", .host = "h", .boot = "b", .pid = 1, .since = world.now};
  return world;
}

Request Site::request(const Manifest& manifest, const HostName& host) {
  Request request;
  request.cluster = manifest.cluster.value;
  request.host = host;
  request.keystore_access = R"({"url":"etcd://192.0.2.9"})";
  request.manifest = &manifest;
  request.origin.source = "dir:test";
  request.max_destroy = DestroyLimit{.value = 100, .percent = true};
  request.lock_timeout = std::chrono::milliseconds(0);
  return request;
}

Result<Applied> Site::run(const Request& request) {
  return run_until(std::numeric_limits<std::size_t>::max(), request);
}

Result<Applied> Site::run_until(std::size_t asked, const Request& request) {
  const auto keystore = store_->connect("fake://", kOperations);
  World here = world(machine(request.host), *keystore);
  here.stop = [asked, so_far = std::size_t{0}]() mutable { return ++so_far > asked; };
  return ovl::apply(
      request, here, [](const Plan&) { return Status(); }, Progress());
}

Result<Applied> Site::apply(const Manifest& manifest, const HostName& host) {
  return run(request(manifest, host));
}

Result<Applied> Site::apply_until(std::size_t asked, const Manifest& manifest, const HostName& host) {
  return run_until(asked, request(manifest, host));
}

Result<Applied> Site::restore(const Manifest& manifest, const HostName& host) {
  Request restoring = request(manifest, host);
  restoring.restored = true;
  return run(restoring);
}

Result<Applied> Site::follow(const Manifest& manifest, const HostName& host) {
  Request following = request(manifest, host);
  following.scope = Scope::host;
  following.manifest = nullptr;
  following.origin = Origin();
  return run(following);
}

Result<Applied> Site::destroy(const Manifest& manifest, const HostName& host) {
  Request destroying = request(manifest, host);
  destroying.destroy = true;
  destroying.manifest = nullptr;
  return run(destroying);
}

Status Site::apply_all(const Manifest& manifest) {
  for (const HostBlock& host : manifest.hosts) {
    auto applied = apply(manifest, host.name);
    if (!applied.ok()) return std::move(applied).error();
  }
  return {};
}

Status Site::follow_all(const Manifest& manifest) {
  for (const HostBlock& host : manifest.hosts) {
    auto applied = follow(manifest, host.name);
    if (!applied.ok()) return std::move(applied).error();
  }
  return {};
}

Status Site::settle(const Manifest& manifest) {
  constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds; ++round) {
    OVL_CHECK(apply_all(manifest));
    OVL_CHECK(follow_all(manifest));
    bool settled = true;
    for (const HostBlock& host : manifest.hosts) {
      OVL_TRY(const Planned planned, plan(manifest, host.name));
      settled = settled && planned.plan.empty() && planned.plan.waiting.empty() && !planned.stricter;
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

Dump Site::copy_store(const Manifest& manifest) {
  auto copy = dump_cluster(*store_->connect(), manifest.cluster.value);
  if (!copy.ok()) std::abort();
  return std::move(copy).value();
}

void Site::put_back(const Dump& copy) {
  lose_store();
  const StoreLock::Holder holder{.who = "tester", .host = "h", .boot = "b", .pid = 1, .since = 1};
  if (!load_cluster(*store_->connect(), copy, holder, {}).ok()) std::abort();
}

void Site::lose_memory(const HostName& host) {
  ++lives_;
  Machine& forgetful = machine(host);
  forgetful.state = std::make_unique<State>(open_state(host, forgetful.disk));
}

void Site::fail_disk(const HostName& host, std::size_t nth, bool lasting) {
  *machine(host).disk = Disk{.fails_at = nth, .lasting = lasting};
}

void Site::mend_disk(const HostName& host) {
  machine(host).disk->fails_at.reset();
}

}  // namespace ovl
