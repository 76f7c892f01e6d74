#include "drivers/keystore/consul/http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace ovl {

namespace {

// An answer without an end stops here: one that is held whole (a list of names, a transaction's), and one
// that is taken as it comes, which may bring much that is passed over.
constexpr std::size_t kMaxBody = std::size_t{64} << 20;
constexpr std::uint64_t kMaxTaken = std::uint64_t{8} * kMostTreeBytes;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

using Easy = std::unique_ptr<CURL, EasyDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

using Multi = std::unique_ptr<CURLM, MultiDeleter>;

bool append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

bool is_library_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

std::string base_of(const KeystoreUrl& url, const KeystoreOptions& options) {
  const std::string_view scheme = options.has_tls() ? "https" : "http";
  // A socket's URL needs a host name in the request; nobody looks it up.
  return fmt::format("{}://{}", scheme, url.servers.empty() ? "localhost" : url.servers.front().text());
}

struct Transfer {
  HttpResponse response;
  bool may_repeat = false;
  int sendings = 0;
  CURL* easy = nullptr;
  const std::function<Status(std::string_view)>* take = nullptr;
  std::uint64_t received = 0;
  std::optional<Error> refused = std::nullopt;  // what take() said
};

bool take_part(Transfer& transfer, std::string_view part) {
  transfer.received += part.size();
  long status = 0;
  (void)curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200 && *transfer.take != nullptr) {
    if (transfer.received > kMaxTaken) return false;
    Status taken = (*transfer.take)(part);
    if (!taken.ok()) transfer.refused = std::move(taken).error();
    return !transfer.refused;
  }
  std::string& body = transfer.response.body;
  if (body.size() + part.size() > kMaxBody) return false;
  body.append(part);
  return true;
}

std::size_t take_body(const char* data, std::size_t, std::size_t size, void* user) {
  return take_part(*static_cast<Transfer*>(user), {data, size}) ? size : 0;
}

bool is_header(std::string_view name, std::string_view wanted) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(name, wanted, {}, lower);
}

std::size_t take_header(const char* data, std::size_t, std::size_t size, void* user) {
  HttpResponse& response = static_cast<Transfer*>(user)->response;
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (is_header(line.substr(0, colon), "x-consul-index")) {
    (void)std::from_chars(value.data(), value.data() + value.size(), response.index);
  }
  if (is_header(line.substr(0, colon), "x-consul-results-filtered-by-acls")) {
    response.filtered = value.starts_with("true");
  }
  return size;
}

// Called before each sending (CURLOPT_PREREQFUNCTION). libcurl sends a request again by itself when a
// kept connection ended without an answer (Curl_retry_request); the first sending may have been taken,
// so that a commit's guards would then fail on its own writes.
int count_sending(void* user, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  const bool is_fine = ++transfer.sendings == 1 || transfer.may_repeat;
  return is_fine ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

}  // namespace

struct HttpClient::Curl {
  Multi multi;  // ends after the easy handle that it drives
  Easy easy;
  List headers;
  std::string base;
  std::string name;
  std::array<char, CURL_ERROR_SIZE> message{};

  template <class T>
  void set(CURLoption option, T value) const {
    (void)curl_easy_setopt(easy.get(), option, value);
  }

  void set_file(CURLoption option, const std::string& path) const {
    if (!path.empty()) set(option, path.c_str());
  }

  // Everything that holds for all requests. Redirects and proxies are not followed: the token is for
  // this agent alone.
  void configure(const KeystoreUrl& url, const KeystoreOptions& options) {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    // A lookup of a name that hangs does not hold the end of the client.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_ERRORBUFFER, message.data());
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_PREREQFUNCTION, count_sending);
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set_file(CURLOPT_UNIX_SOCKET_PATH, url.socket);
    set_file(CURLOPT_CAINFO, options.ca_file);
    set_file(CURLOPT_SSLCERT, options.cert_file);
    set_file(CURLOPT_SSLKEY, options.key_file);
  }

  void prepare(const HttpRequest& request, Transfer& transfer) {
    message[0] = '\0';
    set(CURLOPT_URL, (base + request.path).c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(request.timeout.count(), 1)));
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_PREREQDATA, &transfer);
    set(CURLOPT_HTTPGET, 1L);
    if (request.method == "GET") {
      set(CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
      return;
    }
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  // Until it is done or its time is over. A large answer has more of it: one that goes on, and how many
  // keys there are, says nothing about whether the server answers.
  CURLcode transfer(const HttpRequest& request, const Transfer& transfer) {
    if (curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK) return CURLE_FAILED_INIT;
    const CURLcode code = drive(request, transfer);
    (void)curl_multi_remove_handle(multi.get(), easy.get());
    return code;
  }

  CURLcode drive(const HttpRequest& request, const Transfer& transfer) {
    const auto begin = std::chrono::steady_clock::now();
    for (int running = 1;;) {
      if (curl_multi_perform(multi.get(), &running) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
      int left = 0;
      const CURLMsg* told = running == 0 ? curl_multi_info_read(multi.get(), &left) : nullptr;
      if (running == 0) return told != nullptr ? told->data.result : CURLE_FAILED_INIT;
      const auto shares = 1 + transfer.received / HttpRequest::kGoodAnswer;
      const auto end = begin + request.timeout * static_cast<std::int64_t>(shares);
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (wait.count() <= 0) return CURLE_OPERATION_TIMEDOUT;
      (void)curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
    }
  }

  [[nodiscard]] Error failure(CURLcode code, const Transfer& transfer, bool has_tls) const {
    if (transfer.refused) return *transfer.refused;
    if (code == CURLE_WRITE_ERROR) {
      return Error{.code = Errc::corrupt, .message = name + ": the answer is larger than any store's"};
    }
    const char* what = message[0] != '\0' ? message.data() : curl_easy_strerror(code);
    if (transfer.sendings > 1 && !transfer.may_repeat) what = "the connection ended without an answer";
    Error error{.code = transfer.sendings > 0 ? Errc::in_doubt : Errc::unreachable,
                .message = fmt::format("{}: {}", name, what),
                .hint = "check that the Consul agent runs there and is not stuck"};
    const bool about_tls = code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
                           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM;
    // A server that misses our certificate says so after the handshake, and hangs up.
    const bool hung_up = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING;
    if (about_tls || (has_tls && hung_up)) {
      error.hint = "check tls in [keystore] against the agent's certificate: authority, name and dates";
    }
    return error;
  }
};

HttpClient::HttpClient(std::unique_ptr<Curl> curl) : curl_(std::move(curl)) {}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(const KeystoreUrl& url, const KeystoreOptions& options) {
  if (std::ranges::any_of(options.token, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return Error{.code = Errc::usage,
                 .message = url.text() + ": there is a control character in the token",
                 .hint = "look for a line break at the end of its file"};
  }
  auto curl = std::make_unique<Curl>();
  if (is_library_ready()) curl->easy.reset(curl_easy_init());
  if (curl->easy) curl->multi.reset(curl_multi_init());
  // Without "Expect:" libcurl would wait for a "100 Continue" before it sends a large transaction.
  bool done = curl->multi != nullptr && append(curl->headers, "Expect:") &&
              append(curl->headers, "Content-Type: application/json");
  if (done && !options.token.empty()) done = append(curl->headers, "X-Consul-Token: " + options.token);
  if (!done) return Error{.code = Errc::unreachable, .message = url.text() + ": libcurl does not start"};
  curl->base = base_of(url, options);
  curl->name = url.text();
  curl->configure(url, options);
  return HttpClient(std::move(curl));
}

Result<HttpResponse> HttpClient::perform(const HttpRequest& request) {
  Transfer transfer{.may_repeat = request.method == "GET", .easy = curl_->easy.get(), .take = &request.take};
  curl_->prepare(request, transfer);
  const CURLcode code = curl_->transfer(request, transfer);
  if (code != CURLE_OK) return curl_->failure(code, transfer, curl_->base.starts_with("https"));
  (void)curl_easy_getinfo(curl_->easy.get(), CURLINFO_RESPONSE_CODE, &transfer.response.status);
  return std::move(transfer.response);
}

}  // namespace ovl
