#include "tests/stores/counting_keystore.hpp"

#include <utility>

namespace ovl::test {

namespace {

class Counter {
 public:
  explicit Counter(CallHooks hooks) : hooks_(std::move(hooks)) {}

  void note(std::string_view call) { hooks_.before(count_++, call); }

  [[nodiscard]] const CallHooks& hooks() const { return hooks_; }

 private:
  CallHooks hooks_;
  std::size_t count_ = 0;
};

class CountingSession final : public Session {
 public:
  CountingSession(std::unique_ptr<Session> session, std::shared_ptr<Counter> counter)
      : session_(std::move(session)), counter_(std::move(counter)) {}

  [[nodiscard]] const std::string& id() const override { return session_->id(); }

  Status keep_alive() override {
    counter_->note("keep_alive");
    Status status = session_->keep_alive();
    return counter_->hooks().drops_guards ? Status() : std::move(status);
  }

  Status close() override {
    counter_->note("close");
    return session_->close();
  }

 private:
  std::unique_ptr<Session> session_;
  std::shared_ptr<Counter> counter_;
};

class CountingWatch final : public Watch {
 public:
  CountingWatch(std::unique_ptr<Watch> watch, std::shared_ptr<Counter> counter)
      : watch_(std::move(watch)), counter_(std::move(counter)) {}

  Result<WatchBatch> next(std::chrono::milliseconds timeout) override {
    counter_->note("next");
    return watch_->next(timeout);
  }

 private:
  std::unique_ptr<Watch> watch_;
  std::shared_ptr<Counter> counter_;
};

class CountingKeystore final : public Keystore {
 public:
  CountingKeystore(std::unique_ptr<Keystore> store, CallHooks hooks)
      : store_(std::move(store)), counter_(std::make_shared<Counter>(std::move(hooks))) {}

  Result<Snapshot> read(const KeySelection& what) override {
    counter_->note("read");
    return store_->read(what);
  }

  Result<std::optional<KeyValue>> get(std::string_view key) override {
    counter_->note("get");
    return store_->get(key);
  }

  Result<CommitResult> commit(const Transaction& transaction) override {
    counter_->note("commit");
    Transaction sent = transaction;
    if (counter_->hooks().drops_guards) sent.guards.clear();
    auto result = store_->commit(sent);
    if (result.ok() && result.value().committed) counter_->hooks().committed(transaction);
    return result;
  }

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override {
    counter_->note("open_session");
    OVL_TRY(auto session, store_->open_session(ttl));
    return std::unique_ptr<Session>(std::make_unique<CountingSession>(std::move(session), counter_));
  }

  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override {
    counter_->note("watch");
    OVL_TRY(auto watch, store_->watch(what, after));
    return std::unique_ptr<Watch>(std::make_unique<CountingWatch>(std::move(watch), counter_));
  }

  [[nodiscard]] std::size_t max_operations() const override {
    const std::size_t wanted = counter_->hooks().max_operations;
    return wanted == 0 ? store_->max_operations() : wanted;
  }

  [[nodiscard]] const std::string& name() const override { return store_->name(); }

 private:
  std::unique_ptr<Keystore> store_;
  std::shared_ptr<Counter> counter_;
};

}  // namespace

std::unique_ptr<Keystore> count_calls(std::unique_ptr<Keystore> store, CallHooks hooks) {
  return std::make_unique<CountingKeystore>(std::move(store), std::move(hooks));
}

}  // namespace ovl::test
