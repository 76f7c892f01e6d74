// Consul agents that are gone, stuck, or answer badly: each call ends in time, with the right error.
#include "tests/stores/consul_fake_http.hpp"
#include "tests/stores/consul_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kTimeout{500};

std::unique_ptr<Keystore> connect(const std::string& url) {
  return must(open_keystore({.url = url, .timeout = kTimeout, .driver_directory = OVL_DRIVER_DIR}));
}

// The error of a call that must end soon after its timeout.
template <class Call>
Error failure_of(const Call& call) {
  const auto before = steady_clock::now();
  auto result = call();
  EXPECT_LT(steady_clock::now() - before, kTimeout + seconds{2});
  if (!result.ok()) return std::move(result).error();
  ADD_FAILURE() << "it succeeded";
  return {};
}

Error read_failure(Keystore& store) {
  return failure_of([&] { return store.read("a/"); });
}

Error commit_failure(Keystore& store) {
  return failure_of([&] { return store.commit({{}, {put("a/b", "1")}}); });
}

TEST(ConsulFault, ARefusedPortIsUnreachableAtOnce) {
  const std::string url = "consul://127.0.0.1:" + std::to_string(free_port());
  const auto store = connect(url);
  for (const Error& error : {read_failure(*store), commit_failure(*store)}) {
    EXPECT_EQ(error.code, Errc::unreachable);
    EXPECT_NE(error.message.find(url), std::string::npos) << error.message;
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST(ConsulFault, APausedServerEndsEachCallInTime) {
  if (!has_consul()) GTEST_SKIP() << kNoConsul;
  const auto store = connect(shared_consul().url());
  const std::string root = fresh_root();
  const Revision start = must(store->commit({{}, {put(root + "a", "1")}})).revision;
  const auto watch = must(store->watch(root, start));
  auto session = must(store->open_session(seconds{60}));
  shared_consul().process().pause();
  EXPECT_EQ(read_failure(*store).code, Errc::unreachable);
  EXPECT_EQ(failure_of([&] { return store->get("a"); }).code, Errc::unreachable);
  EXPECT_EQ(commit_failure(*store).code, Errc::in_doubt);
  EXPECT_EQ(failure_of([&] { return session->keep_alive(); }).code, Errc::unreachable);
  EXPECT_EQ(failure_of([&] { return store->open_session(seconds{60}); }).code, Errc::unreachable);
  const auto before = steady_clock::now();
  EXPECT_FALSE(watch->next(milliseconds{100}).ok());
  EXPECT_LT(steady_clock::now() - before, seconds{7});
  shared_consul().process().resume();
  EXPECT_EQ(must(store->get(root + "a"))->value, "1") << "the same client goes on";
}

TEST(ConsulFault, HalfAReplyIsInDoubtForACommitOnly) {
  for (const bool then_silence : {false, true}) {
    const FakeHttp server([then_silence](const std::string&) {
      return FakeReply{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Consul-Index: 7\r\n\r\n[{\"Key\":",
                       then_silence};
    });
    const auto store = connect(server.url());
    EXPECT_EQ(read_failure(*store).code, Errc::unreachable);
    EXPECT_EQ(commit_failure(*store).code, Errc::in_doubt);
  }
}

// libcurl sends again by itself when a kept connection ends; the commit must not be sent twice.
TEST(ConsulFault, ACommitIsSentOnce) {
  const FakeHttp server([](const std::string&) { return FakeReply{}; });
  const auto store = connect(server.url());
  EXPECT_EQ(commit_failure(*store).code, Errc::in_doubt);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(ConsulFault, AServerInTroubleIsAskedAgain) {
  std::atomic<int> count = 0;
  const FakeHttp server([&count](const std::string&) {
    if (++count < 3) return http_reply(count == 1 ? 429 : 500, "No cluster leader");
    return http_reply(200, "[]", "X-Consul-Index: 7\r\n");
  });
  EXPECT_EQ(must(connect(server.url())->read("a/")).revision, 7U);
}

TEST(ConsulFault, ErrorsThatStayAreUnreachable) {
  const FakeHttp server([](const std::string&) { return http_reply(500, "No cluster leader"); });
  const auto store = connect(server.url());
  for (const Error& error : {read_failure(*store), commit_failure(*store)}) {
    EXPECT_EQ(error.code, Errc::unreachable);
    EXPECT_NE(error.message.find("No cluster leader"), std::string::npos) << error.message;
  }
  EXPECT_GT(server.requests().size(), 3U);
}

TEST(ConsulFault, ItsTroubleIsWaitedForOnce) {
  const FakeHttp server([](const std::string&) { return http_reply(500, "No cluster leader"); });
  const auto store =
      must(open_keystore({.url = server.url(), .timeout = seconds{2}, .driver_directory = OVL_DRIVER_DIR}));
  EXPECT_FALSE(store->read("a/").ok());
  const auto before = steady_clock::now();
  EXPECT_FALSE(store->commit({{}, {put("a/b", "1")}}).ok());
  EXPECT_FALSE(store->get("a/b").ok());
  EXPECT_LT(steady_clock::now() - before, seconds{2});
}

TEST(ConsulFault, AnErrorInTheMiddleOfACommitIsInDoubt) {
  const FakeHttp server(
      [](const std::string&) { return http_reply(500, "leadership lost while committing log"); });
  EXPECT_EQ(commit_failure(*connect(server.url())).code, Errc::in_doubt);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(ConsulFault, AnotherKindOfServerIsCorrupt) {
  const FakeHttp page([](const std::string&) { return http_reply(200, "<html>", "X-Consul-Index: 7\r\n"); });
  EXPECT_EQ(read_failure(*connect(page.url())).code, Errc::corrupt);
  const FakeHttp nothing([](const std::string&) { return http_reply(404, "not found"); });
  EXPECT_EQ(read_failure(*connect(nothing.url())).code, Errc::corrupt) << "an empty store, it seems";
  EXPECT_EQ(failure_of([&] { return connect(nothing.url())->get("a"); }).code, Errc::corrupt);
  EXPECT_EQ(commit_failure(*connect(nothing.url())).code, Errc::in_doubt);
  const FakeHttp moved([](const std::string&) { return http_reply(301, "", "Location: http://a/\r\n"); });
  EXPECT_EQ(read_failure(*connect(moved.url())).code, Errc::corrupt);
}

std::string one_key(Revision modified) {
  return R"([{"Key":"w/a","Value":"MQ==","Flags":0,"CreateIndex":5,"ModifyIndex":)" +
         std::to_string(modified) + "}]";
}

TEST(ConsulFault, AnIndexThatGoesBackIsAReset) {
  std::atomic<Revision> index = 20;
  const FakeHttp server([&index](const std::string&) {
    return http_reply(200, one_key(5), "X-Consul-Index: " + std::to_string(index) + "\r\n");
  });
  const auto store = connect(server.url());
  const auto watch = must(store->watch("w/", must(store->read("w/")).revision));
  EXPECT_TRUE(must(watch->next(milliseconds{10})).events.empty());
  index = 10;
  EXPECT_TRUE(must(watch->next(seconds{1})).reset);
  EXPECT_TRUE(must(watch->next(seconds{1})).reset) << "it can say nothing else any more";
}

TEST(ConsulFault, ReturnsWithoutAChangeAreNoEventsAndNoBusyLoop) {
  const FakeHttp server(
      [](const std::string&) { return http_reply(200, one_key(5), "X-Consul-Index: 20\r\n"); });
  const auto store = connect(server.url());
  const auto watch = must(store->watch("w/", must(store->read("w/")).revision));
  const WatchBatch batch = must(watch->next(seconds{2}));
  EXPECT_FALSE(batch.reset);
  EXPECT_TRUE(batch.events.empty());
  EXPECT_LT(server.requests().size(), 40U);
  for (const std::string& request : server.requests()) {
    EXPECT_EQ(request.find("index=0"), std::string::npos) << request;
  }
}

}  // namespace

}  // namespace ovl::test
