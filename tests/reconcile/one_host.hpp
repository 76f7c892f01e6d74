// Machine a of cluster demo in memory, with a keystore and a state: a whole apply, without a kernel.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "drivers/fake/fake_kernel.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/run/apply.hpp"
#include "tests/support/process.hpp"

namespace ovl {

inline constexpr const char* kOneEndpoint = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[network.web]
subnet = "10.0.9.0/24"
[endpoint.x]
network = "web"
host = "a"
)";

class OneHost : public ::testing::Test {
 protected:
  void SetUp() override {
    open_state();
    HostFacts facts;
    facts.machine = "machine-a";
    kernel_.set_facts(std::move(facts));
  }

  // Also after it was lost.
  void open_state() {
    auto state = State::open(where());
    ASSERT_TRUE(state.ok()) << state.error().message;
    state_ = std::make_unique<State>(std::move(state).value());
  }

  [[nodiscard]] StateOptions where() const {
    return {.root = directory_.path(), .cluster = Label::parse("demo").value()};
  }

  void lose_state() {
    state_.reset();
    std::filesystem::remove_all(State::directory(where()));
    open_state();
  }

  static Manifest parsed(const std::string& text) {
    Parsed result = parse({{.name = "ovl.toml", .text = text}});
    for (const Diagnostic& problem : result.diagnostics) ADD_FAILURE() << problem.message;
    return std::move(result.manifest);
  }

  static NetnsName netns(const std::string& name) { return NetnsName::parse(name).value(); }

  static Status approve_all(const Plan&) { return {}; }

  Request request(Scope scope, const Manifest* manifest) const {
    Request request;
    request.scope = scope;
    request.cluster = Label::parse("demo").value();
    request.host = HostName::parse("a").value();
    request.manifest = manifest;
    request.origin.source = "dir:demo";
    request.own_words = own_words_;
    request.netns_list = list_;
    request.keystore_access = keystore_access_;
    request.max_destroy = DestroyLimit::parse("100%").value();
    return request;
  }

  Result<Applied> apply(Scope scope, const Manifest* manifest, const Approve& approve = approve_all) {
    return run(request(scope, manifest), approve);
  }

  Result<Applied> run(const Request& asked, const Approve& approve = approve_all) {
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    return ovl::apply(asked, world, approve, Progress());
  }

  Result<Applied> apply(const std::string& text) {
    const Manifest manifest = parsed(text);
    return apply(Scope::all, &manifest);
  }

  // Without a manifest: what the records say.
  Result<Planned> plan_of_host() {
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    return make_plan(request(Scope::host, nullptr), world);
  }

  // The same while the store can't be reached.
  Result<Planned> plan_alone() {
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    world.keystore = nullptr;
    world.why_away = Error{.code = Errc::unreachable, .message = "nobody answers"};
    return make_plan(request(Scope::host, nullptr), world);
  }

  // Takes everything of the cluster off this host, and its records with Scope::all.
  Result<Applied> destroy(Scope scope = Scope::host) {
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    Request asked = request(scope, nullptr);
    asked.destroy = true;
    return ovl::apply(asked, world, approve_all, Progress());
  }

  Result<Planned> plan(const std::string& text) {
    const Manifest manifest = parsed(text);
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    return make_plan(request(Scope::all, &manifest), world);
  }

  // With an object, as a plan names it, made anew.
  Result<Planned> plan_replacing(const std::string& text, const std::string& object) {
    const Manifest manifest = parsed(text);
    const auto keystore = store_.connect();
    World world = world_with(*keystore);
    Request asked = request(Scope::all, &manifest);
    OVL_TRY(const ChangeName name, ChangeName::parse(object));
    asked.replaces = {name};
    return make_plan(asked, world);
  }

  // What is there, to look at and to change.
  NamespaceObjects& space(const std::string& name) {
    return kernel_.objects().at(name.empty() ? NetnsName() : netns(name));
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    const NamespaceObjects* found = const_cast<FakeKernel&>(kernel_).objects().find(netns(name));
    return found != nullptr && found->netns.has_value();
  }

  test::TemporaryDirectory directory_;
  FakeStore store_;
  FakeKernel kernel_;
  NetnsList list_{.file = "/etc/ovl/netns.toml", .patterns = {}};
  bool own_words_ = true;
  std::string keystore_access_;
  std::unique_ptr<State> state_;

 private:
  World world_with(Keystore& keystore) {
    World world;
    world.kernel = &kernel_;
    world.keystore = &keystore;
    world.state = state_.get();
    world.now = 1'700'000'000;
    world.holder = {.who = "tester", .host = "a", .boot = "b", .pid = 1, .since = 1};
    return world;
  }
};

}  // namespace ovl
