#include "drivers/keystore/consul/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

#include "drivers/keystore/gathering.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1000};

// A server in trouble is not asked by all hosts in the same moment again.
milliseconds with_jitter(milliseconds pause) {
  std::random_device random;
  return pause / 2 + milliseconds(random() % static_cast<unsigned>(pause.count()));
}

// What is wrong with the request itself does not get better by waiting, also where it is answered with 500.
bool is_refusal(const HttpResponse& response) {
  return response.body.starts_with("No path to datacenter") ||
         response.body.find("Session TTL") != std::string::npos;
}

bool is_busy(const HttpResponse& response) {
  return response.status == 429 || (response.status >= 500 && !is_refusal(response));
}

// Of the 5xx answers only these come before anything is proposed (agent/consul/rpc.go); after others,
// "leadership lost while committing log", a write may be in the log.
bool is_certainly_not_taken(const HttpResponse& response) {
  const std::string_view body = response.body;
  return response.status == 429 || is_refusal(response) ||
         body.find("No cluster leader") != std::string_view::npos ||
         body.find("No known Consul servers") != std::string_view::npos;
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min<std::size_t>(text.find('\n'), 300)));
}

milliseconds left_until(steady_clock::time_point deadline) {
  return std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
}

}  // namespace

ConsulApi::ConsulApi(HttpClient http, const KeystoreUrl& url, std::shared_ptr<Patience> patience)
    : http_(std::move(http)),
      name_(url.text()),
      prefix_(url.prefix.empty() ? "" : url.prefix + "/"),
      datacenter_(url.datacenter),
      patience_(std::move(patience)) {}

Result<ConsulApi> ConsulApi::open(const KeystoreUrl& url, const KeystoreOptions& options,
                                  std::shared_ptr<Patience> patience) {
  OVL_TRY(HttpClient http, HttpClient::open(url, options));
  return ConsulApi(std::move(http), url, std::move(patience));
}

Error ConsulApi::error(Errc code, std::string_view what, std::string hint) const {
  return Error{.code = code, .message = fmt::format("{}: {}", name_, what), .hint = std::move(hint)};
}

std::string ConsulApi::with_datacenter(std::string_view path, std::string_view query) const {
  std::string out = fmt::format("{}{}{}", path, query.empty() ? "" : "?", query);
  if (!datacenter_.empty()) out += fmt::format("{}dc={}", query.empty() ? '?' : '&', datacenter_);
  return out;
}

Result<HttpResponse> ConsulApi::try_for(const HttpRequest& request, milliseconds timeout, bool once) {
  const auto deadline = steady_clock::now() + timeout;
  auto response = try_until(request, deadline, once);
  const bool is_no_answer =
      response.ok() && is_busy(response.value()) && (!once || is_certainly_not_taken(response.value()));
  if (is_no_answer || (!response.ok() && steady_clock::now() >= deadline)) {
    patience_->ran_out();
  } else if (response.ok()) {
    patience_->answered();
  }
  return response;
}

// Tries again, with growing pauses, as long as the server says that it is busy and the time lasts.
Result<HttpResponse> ConsulApi::try_until(HttpRequest request, Deadline deadline, bool once) {
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    request.timeout = left_until(deadline);
    OVL_TRY(HttpResponse response, http_.perform(request));
    if (!is_busy(response) || (once && !is_certainly_not_taken(response))) return response;
    const milliseconds wait = with_jitter(pause);
    if (steady_clock::now() + wait >= deadline) return response;
    std::this_thread::sleep_for(wait);
  }
}

// Statuses that are not part of an answer become errors.
Result<HttpResponse> ConsulApi::judge(HttpResponse response) const {
  const std::string said = first_line(response.body);
  switch (response.status) {
    case 200:
    case 404:
    case 409: return response;
    case 401:
    case 403:
      return error(Errc::privilege, fmt::format("the token is refused: {}", said),
                   "give a token whose policy has key_prefix and session_prefix with \"write\"");
    case 400: return error(Errc::usage, fmt::format("the request is refused: {}", said));
    case 413:
      return error(Errc::usage, fmt::format("the transaction is too large: {}", said),
                   "raise limits.txn_max_req_len in the agent's configuration");
    default: break;
  }
  if (said.starts_with("No path to datacenter")) {
    return error(Errc::unreachable, fmt::format("no such datacenter: {}", said), "correct dc= in the URL");
  }
  if (response.status == 429 || response.status >= 500) {
    return error(Errc::unreachable, fmt::format("the server answers {}: {}", response.status, said),
                 "look whether the Consul servers have a leader");
  }
  return error(Errc::corrupt, fmt::format("an answer with status {}", response.status),
               "check that the address is a Consul agent's");
}

Result<HttpResponse> ConsulApi::get_path(std::string_view path, std::string_view query, milliseconds timeout,
                                         std::function<Status(std::string_view)> take) {
  const HttpRequest request{.path = with_datacenter(path, query), .take = std::move(take)};
  auto response = try_for(request, timeout, false);
  if (response.ok()) return judge(std::move(response).value());
  Error failed = std::move(response).error();
  if (failed.code == Errc::in_doubt) failed.code = Errc::unreachable;
  return failed;
}

Result<HttpResponse> ConsulApi::put(std::string_view path, std::string body) {
  const HttpRequest request{.method = "PUT", .path = with_datacenter(path, ""), .body = std::move(body)};
  auto response = try_for(request, patience_->left(), false);
  if (response.ok()) return judge(std::move(response).value());
  Error failed = std::move(response).error();
  if (failed.code == Errc::in_doubt) failed.code = Errc::unreachable;
  return failed;
}

Result<HttpResponse> ConsulApi::put_once(std::string_view path, std::string body) {
  const HttpRequest request{
      .method = "PUT", .path = with_datacenter(path, "consistent"), .body = std::move(body)};
  OVL_TRY(HttpResponse response, try_for(request, patience_->left(), true));
  const bool in_doubt = response.status >= 500 && !is_certainly_not_taken(response);
  auto judged = judge(std::move(response));
  if (judged.ok() || !in_doubt) return judged;
  Error failed = std::move(judged).error();
  failed.code = Errc::in_doubt;
  return failed;
}

// A list is filtered by what the token may read: without a right it is empty, not refused
// (agent/consul/kvs_endpoint.go, List). The read of one key is refused, also when it is not there.
Status ConsulApi::check_may_read(std::string_view full_prefix) {
  const std::string key = full_prefix.empty() ? "ovl" : escape_path(full_prefix);
  OVL_TRY(const HttpResponse response, get_path("/v1/kv/" + key, "consistent", patience_->left()));
  if (response.status == 200 || response.index != 0) return {};
  return no_index();
}

// Of an answer 200 the entries, each as it comes.
Result<HttpResponse> ConsulApi::get_entries(std::string_view full, std::string_view query,
                                            milliseconds timeout, std::size_t most_value,
                                            EntryStream::Take take) {
  EntryStream stream(most_value, std::move(take));
  const auto feed = [&](std::string_view bytes) -> Status {
    Status fed = stream.feed(bytes);
    return fed.ok() ? Status() : Status(std::move(fed).error().within(name_));
  };
  OVL_TRY(HttpResponse response, get_path("/v1/kv/" + escape_path(full), query, timeout, feed));
  const Status whole = response.status == 200 ? stream.finish() : Status();
  if (!whole.ok()) return Error(whole.error()).within(name_);
  return response;
}

Error ConsulApi::no_index() const {
  return error(Errc::corrupt, "an answer without X-Consul-Index",
               "check that the address is a Consul agent's");
}

Result<Look> ConsulApi::look(const KeySelection& what, const std::optional<Blocking>& blocking) {
  OVL_CHECK(check_key(what.prefix));
  const std::string full = full_key(what.prefix);
  std::string query = "recurse&consistent";
  milliseconds timeout = patience_->left();
  if (blocking) {
    query += fmt::format("&index={}&wait={}ms", blocking->index, blocking->wait.count());
    // The server adds up to a sixteenth to the wait, so that not all clients come back at once.
    timeout = blocking->wait * 17 / 16 + std::max(timeout, milliseconds{5000});
  }
  Look look;
  Tally tally(what, name_);
  const auto take = [&](KvEntry entry) -> Status {
    entry.item.key.erase(0, prefix_.size());
    if (entry.cut) tally.add_unknown(entry.item.key);
    if (entry.cut || !tally.wants(entry.item.key)) return {};
    OVL_CHECK(tally.take(entry.item));
    look.entries.push_back(std::move(entry));
    return {};
  };
  OVL_TRY(const HttpResponse response, get_entries(full, query, timeout, what.limits.value_bytes, take));
  if (response.filtered) {
    return error(Errc::privilege, fmt::format("the token may not read all of \"{}\"", full),
                 fmt::format("give it key_prefix \"{}\" with \"read\"", full));
  }
  if (response.status == 404) OVL_CHECK(check_may_read(full));
  if (response.index == 0) return no_index();
  look.index = response.index;
  look.unknown = tally.take_unknown();
  const auto key_of = [](const KvEntry& entry) -> const std::string& { return entry.item.key; };
  if (!std::ranges::is_sorted(look.entries, {}, key_of)) std::ranges::sort(look.entries, {}, key_of);
  return look;
}

Result<std::optional<KvEntry>> ConsulApi::get(std::string_view key) {
  OVL_CHECK(check_key(key));
  std::optional<KvEntry> found;
  const auto take = [&](KvEntry entry) -> Status {
    entry.item.key = key;
    leave_out(entry.item, kMostValueBytes);
    found = std::move(entry);
    return {};
  };
  OVL_TRY(const HttpResponse response,
          get_entries(full_key(key), "consistent", patience_->left(), kMostValueBytes, take));
  if (response.status == 404 && response.index == 0) return no_index();
  return found;
}

Result<Revision> ConsulApi::newest() {
  // The index of a key that is not there is that of the whole table (agent/consul/state/kvs.go, kvsGetTxn).
  const std::string path = "/v1/kv/" + escape_path(full_key("%none"));
  OVL_TRY(const HttpResponse response, get_path(path, "consistent", patience_->left()));
  return response.index;
}

// The server refuses a path with a character that can't be printed (agent/http.go), and somebody may have
// written such a key. A shorter prefix has the same index or a later one.
Result<Revision> ConsulApi::index_of(std::string_view prefix) {
  const auto plain = std::ranges::find_if(prefix, [](char c) { return c < 0x20 || c == 0x7f; });
  prefix = prefix.substr(0, static_cast<std::size_t>(plain - prefix.begin()));
  const std::string path = "/v1/kv/" + escape_path(full_key(prefix));
  OVL_TRY(const HttpResponse response, get_path(path, "keys&consistent", patience_->left()));
  return response.index;
}

}  // namespace ovl
