// What the driver asks of a Consul agent: reads of keys, and requests with their errors in our words.
// https://developer.hashicorp.com/consul/api-docs
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/consul/http.hpp"
#include "drivers/keystore/consul/kv_json.hpp"
#include "drivers/keystore/patience.hpp"

namespace ovl {

// What is known below a prefix at one moment. The index is the prefix's own (the newest of its keys and of
// its deletions that Consul still remembers), not the whole store's.
struct Look {
  Revision index = 0;
  std::vector<KvEntry> entries;  // sorted by key, without the URL's prefix
  UnknownKeys unknown = {};
};

// Waits until the prefix's index is beyond this one.
struct Blocking {
  Revision index = 0;
  std::chrono::milliseconds wait{0};
};

class ConsulApi {
 public:
  // `patience` is that of all clients of one store.
  static Result<ConsulApi> open(const KeystoreUrl& url, const KeystoreOptions& options,
                                std::shared_ptr<Patience> patience);

  // The answer is taken as it comes: what is not selected is dropped on the way.
  // Errors: unreachable, privilege (also when the token may read nothing there), corrupt, usage.
  Result<Look> look(const KeySelection& what, const std::optional<Blocking>& blocking = std::nullopt);
  Result<std::optional<KvEntry>> get(std::string_view key);
  // The newest write or deletion of the whole store.
  Result<Revision> newest();
  // The index of a look that fetches names only.
  Result<Revision> index_of(std::string_view prefix);

  // PUT, for what may be done twice. Answers 200, 404 and 409; anything else is an error.
  Result<HttpResponse> put(std::string_view path, std::string body);
  // PUT that is sent once. Errors: as put(), and in_doubt.
  Result<HttpResponse> put_once(std::string_view path, std::string body);

  [[nodiscard]] std::string full_key(std::string_view key) const { return prefix_ + std::string(key); }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] Error error(Errc code, std::string_view what, std::string hint = {}) const;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  ConsulApi(HttpClient http, const KeystoreUrl& url, std::shared_ptr<Patience> patience);

  Result<HttpResponse> get_path(std::string_view path, std::string_view query,
                                std::chrono::milliseconds timeout,
                                std::function<Status(std::string_view)> take = {});
  Result<HttpResponse> get_entries(std::string_view full, std::string_view query,
                                   std::chrono::milliseconds timeout, std::size_t most_value,
                                   EntryStream::Take take);
  Result<HttpResponse> try_for(const HttpRequest& request, std::chrono::milliseconds timeout, bool once);
  Result<HttpResponse> try_until(HttpRequest request, Deadline deadline, bool once);
  Result<HttpResponse> judge(HttpResponse response) const;
  Status check_may_read(std::string_view full_prefix);
  [[nodiscard]] Error no_index() const;
  [[nodiscard]] std::string with_datacenter(std::string_view path, std::string_view query) const;

  HttpClient http_;
  std::string name_;
  std::string prefix_;  // of all keys: "" or "team/a/"
  std::string datacenter_;
  std::shared_ptr<Patience> patience_;
};

}  // namespace ovl
