#include "model/base/digest.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <iterator>

namespace ovl {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out;
  out.reserve(digest.size() * 2);
  for (const unsigned char byte : digest) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

}  // namespace ovl
