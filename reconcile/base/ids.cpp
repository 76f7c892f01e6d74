#include "reconcile/base/ids.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

namespace ovl {

namespace {

using Digest = std::array<unsigned char, crypto_hash_sha256_BYTES>;

Digest sha256(std::string_view text) {
  Digest digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return digest;
}

template <std::size_t N>
std::string hex(const std::array<unsigned char, N>& bytes) {
  std::string out;
  out.reserve(N * 2);
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

}  // namespace

std::string derive_id(const Label& cluster, std::string_view kind, std::string_view name,
                      const std::vector<std::string>& taken) {
  for (std::uint32_t counter = 0;; ++counter) {
    std::string id = sha256_hex(fmt::format("{}\n{}\n{}\n{}", cluster.text(), kind, name, counter));
    if (!std::ranges::binary_search(taken, id)) return id;
  }
}

MacAddress hashed_mac(std::string_view seed) {
  const Digest digest = sha256(seed);
  return MacAddress({0x02, 0x42, digest[0], digest[1], digest[2], digest[3]});
}

MacAddress bridge_mac(const IpAddress& gateway) {
  return gateway.is_ipv4() ? MacAddress::from_ipv4(gateway) : hashed_mac("bridge\n" + gateway.text());
}

std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return hex(bytes);
}

}  // namespace ovl
