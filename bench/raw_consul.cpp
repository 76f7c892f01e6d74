#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "bench/raw_store.hpp"

namespace ovl::bench {

namespace {

// maxTxnOps of agent/txn_endpoint.go.
constexpr std::size_t kSets = 64;

constexpr std::string_view kKey = R"("Key":)";
constexpr std::string_view kValue = R"("Value":)";
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void append_base64(std::string& out, std::string_view bytes) {
  const auto byte = [&](std::size_t at) {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
  };
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    const std::array<char, 4> four = {kDigits[group >> 18], kDigits[group >> 12 & 63],
                                      at + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=',
                                      at + 2 < bytes.size() ? kDigits[group & 63] : '='};
    out.append(four.data(), four.size());
  }
}

std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

std::string from_base64(std::string_view text) {
  static const auto values = digit_values();
  std::string out(text.size() / 4 * 3, '\0');
  for (std::size_t at = 0, to = 0; at < text.size(); at += 4, to += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      group = group << 6 | values[static_cast<unsigned char>(text[at + i])];
    }
    out[to] = static_cast<char>(group >> 16);
    out[to + 1] = static_cast<char>(group >> 8 & 255);
    out[to + 2] = static_cast<char>(group & 255);
  }
  out.resize(out.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

std::size_t take(const char* data, std::size_t, std::size_t size, void* body) {
  static_cast<std::string*>(body)->append(data, size);
  return size;
}

class RawConsul final : public RawStore {
 public:
  explicit RawConsul(std::string address) : base_("http://" + std::move(address)), curl_(curl_easy_init()) {
    headers_ = curl_slist_append(nullptr, "Expect:");
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take);
  }

  RawConsul(const RawConsul&) = delete;
  RawConsul& operator=(const RawConsul&) = delete;

  ~RawConsul() override {
    curl_easy_cleanup(curl_);
    curl_slist_free_all(headers_);
  }

  void publish(const std::vector<Item>& items) override {
    for (std::size_t at = 0; at < items.size(); at += kSets) {
      std::string body = "[";
      for (std::size_t i = at; i < std::min(items.size(), at + kSets); ++i) {
        body += i == at ? "" : ",";
        body += R"({"KV":{"Verb":"set","Key":")" + items[i].key + R"(","Value":")";
        append_base64(body, items[i].value);
        body += "\"}}";
      }
      put("/v1/txn", body + "]");
    }
  }

  std::vector<Item> read(const std::string& prefix) override {
    curl_easy_setopt(curl_, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, nullptr);
    const std::string body = send("/v1/kv/" + prefix + "?recurse");
    std::vector<Item> items;
    const std::string_view text = body;
    for (std::size_t at = text.find(kKey); at != std::string_view::npos; at = text.find(kKey, at)) {
      const std::string_view key = member(text, kKey, at);
      const std::string_view value = member(text, kValue, at);
      items.push_back({std::string(key), from_base64(value)});
    }
    return items;
  }

 private:
  // The string that follows `name`; neither keys nor values have escapes here.
  static std::string_view member(std::string_view text, std::string_view name, std::size_t& at) {
    const std::size_t begin = text.find('"', text.find(name, at) + name.size()) + 1;
    at = text.find('"', begin);
    return text.substr(begin, at - begin);
  }

  void put(const std::string& path, const std::string& body) {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, "PUT");
    send(path);
  }

  std::string send(const std::string& path) {
    std::string answer;
    curl_easy_setopt(curl_, CURLOPT_URL, (base_ + path).c_str());
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    long status = 0;
    if (curl_easy_perform(curl_) != CURLE_OK) fail("Consul does not answer");
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) fail(answer);
    return answer;
  }

  std::string base_;
  CURL* curl_;
  curl_slist* headers_;
};

}  // namespace

std::unique_ptr<RawStore> raw_consul(const std::string& address) {
  return std::make_unique<RawConsul>(address);
}

}  // namespace ovl::bench
