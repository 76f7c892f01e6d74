// The index of a commit in the making is a file, which may say anything too.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include "drivers/git/libgit2/libgit2_repository.hpp"
#include "reconcile/store/revision.hpp"
#include "reconcile/words/utf8.hpp"
#include "tests/git/hostile_trees.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::uint32_t word_at(const std::string& text, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = out << 8U | static_cast<unsigned char>(text[at + i]);
  return out;
}

// FIPS 180-4, 6.1: libgit2 takes no index without its sum.
std::string sha1(std::string text) {
  const std::uint64_t bits = text.size() * 8;
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  text += big_endian(bits, 8);
  std::array<std::uint32_t, 5> sum{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (std::size_t block = 0; block < text.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t t = 0; t < 16; ++t) w[t] = word_at(text, block + 4 * t);
    for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    auto [a, b, c, d, e] = sum;
    for (std::size_t t = 0; t < 80; ++t) {
      const std::uint32_t mixed = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                                  : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                                  : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                           : (b ^ c ^ d) + 0xca62c1d6;
      const std::uint32_t next = std::rotl(a, 5) + mixed + e + w[t];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    sum[0] += a, sum[1] += b, sum[2] += c, sum[3] += d, sum[4] += e;
  }
  std::string out;
  for (const std::uint32_t part : sum) out += big_endian(part, 4);
  return out;
}

// An index has whole paths: what is a slash in a tree's name is a folder here.
HostileName in_an_index(HostileName name) {
  if (name.text == "a/b.toml") name.fate = Fate::manifest;
  return name;
}

struct IndexEntry {
  std::vector<HostileName> parts;
  std::uint32_t mode = 0100644;
  unsigned stage = 0;
  bool missing = false;

  [[nodiscard]] std::string path() const {
    std::string out;
    for (const HostileName& part : parts) out += (&part == parts.data() ? "" : "/") + part.text;
    return out;
  }
};

// Version 2 of gitformat-index(5).
std::string index_bytes(const std::vector<IndexEntry>& entries, const git_oid& there) {
  std::string out = "DIRC" + big_endian(2, 4) + big_endian(entries.size(), 4);
  for (const IndexEntry& entry : entries) {
    const std::string path = entry.path();
    std::string one(24, '\0');
    one += big_endian(entry.mode, 4) + std::string(12, '\0');
    for (const unsigned char byte : there.id) one += entry.missing ? '\xee' : static_cast<char>(byte);
    one += big_endian(entry.stage << 12U | std::min<std::size_t>(path.size(), 0xfff), 2) + path;
    out += one + std::string(8 - one.size() % 8, '\0');
  }
  return out + sha1(out);
}

// How an honest reader takes all files of an index; none: it refuses.
class IndexModel {
 public:
  static std::optional<std::vector<std::string>> read(const std::vector<IndexEntry>& entries) {
    std::vector<std::string> out;
    for (const IndexEntry& entry : entries) {
      const Taken taken = take(entry);
      if (taken == Taken::refused) return std::nullopt;
      if (taken == Taken::yes) out.push_back(entry.path());
    }
    std::ranges::sort(out);
    if (out.empty() || std::ranges::adjacent_find(out) != out.end()) return std::nullopt;
    return out;
  }

 private:
  enum class Taken { no, yes, refused };

  static Taken take(const IndexEntry& entry) {
    bool no_text = false;
    bool hidden = false;
    for (const HostileName& part : entry.parts) {
      if (part.fate == Fate::refused || part.fate == Fate::broken) return Taken::refused;
      hidden = hidden || part.fate == Fate::hidden;
      no_text = no_text || part.fate == Fate::no_text;
    }
    if (hidden) return Taken::no;
    const Fate last = entry.parts.back().fate;
    if (entry.mode == 0160000) return Taken::refused;
    if (last != Fate::manifest && last != Fate::no_text) return Taken::no;
    const bool honest = (entry.mode == 0100644 || entry.mode == 0100755) && entry.stage == 0;
    return honest && !entry.missing && !no_text ? Taken::yes : Taken::refused;
  }
};

std::vector<IndexEntry> random_entries(std::mt19937_64& random, unsigned hostile) {
  static const std::array<std::uint32_t, 4> kModes{0120000, 0160000, 0120755, 0100755};
  const auto below = [&](std::size_t end) { return random() % end; };
  std::vector<IndexEntry> out;
  for (std::size_t count = 1 + below(6); count > 0; --count) {
    IndexEntry entry;
    for (std::size_t parts = 1 + below(3); parts > 0; --parts) {
      const bool odd = below(100) < hostile;
      entry.parts.push_back(odd ? in_an_index(kHostileNames[below(kHostileNames.size())])
                                : kHonestNames[below(kHonestNames.size())]);
    }
    if (below(100) < hostile) entry.mode = kModes[below(kModes.size())];
    entry.stage = below(100) < hostile ? static_cast<unsigned>(below(4)) : 0;
    entry.missing = below(100) < hostile && below(3) == 0;
    const auto same = [&](const IndexEntry& one) { return one.path() == entry.path(); };
    if (std::ranges::none_of(out, same) || below(100) < hostile) out.push_back(std::move(entry));
  }
  std::ranges::stable_sort(out, {}, &IndexEntry::path);
  return out;
}

class HostileIndex : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(std::system(("git init -q " + directory_.path()).c_str()), 0);  // NOLINT: one thread
    there_ = ObjectWriter(directory_.path()).write("# x\n", GIT_OBJECT_BLOB);
  }

  [[nodiscard]] Result<Sources> read(const std::vector<IndexEntry>& entries,
                                     const std::string& path = ".") const {
    write_file(file(), index_bytes(entries, there_));
    const auto opened = open_libgit2(directory_.path());
    EXPECT_TRUE(opened.ok());
    auto out = read_staged(*opened.value(), file(), path);
    const std::string words = out.ok() ? "" : out.error().message;
    EXPECT_EQ(words, safe_text(words));
    return out;
  }

  [[nodiscard]] std::string file() const { return directory_.file(".git/index.hostile"); }

  TemporaryDirectory directory_;
  git_oid there_{};
};

}  // namespace

TEST_F(HostileIndex, GivesItsHonestFilesOrNothing) {
  unsigned answered = 0;
  unsigned refused = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto entries = random_entries(random, std::array{0U, 3U, 10U, 40U}[seed % 4]);
    const auto expected = IndexModel::read(entries);
    const auto found = read(entries);
    ASSERT_EQ(found.ok(), expected.has_value()) << (found.ok() ? "read" : found.error().message);
    (expected ? answered : refused) += 1;
    if (!expected) continue;
    std::vector<std::string> names;
    for (const SourceFile& one : found.value()) names.push_back(one.name);
    ASSERT_EQ(names, *expected);
  }
  EXPECT_GT(answered, 500U);
  EXPECT_GT(refused, 500U);
}

TEST_F(HostileIndex, WithOneHostileNameIsRefusedWhereverItStands) {
  const HostileName honest{"a.toml", Fate::manifest};
  for (const HostileName& listed : kHostileNames) {
    const HostileName name = in_an_index(listed);
    if (name.fate != Fate::refused && name.fate != Fate::broken) continue;
    SCOPED_TRACE(safe_text(name.text));
    EXPECT_FALSE(read({{.parts = {name}}, {.parts = {honest}}}).ok());
    EXPECT_FALSE(read({{.parts = {name}}, {.parts = {honest}}}, "").ok());
    EXPECT_FALSE(read({{.parts = {name, honest}}, {.parts = {honest}}}).ok());
    EXPECT_FALSE(read({{.parts = {{"net", Fate::plain}, name}}, {.parts = {honest}}}).ok());
  }
}

TEST_F(HostileIndex, OfAnotherRepositoryIsNotRead) {
  const TemporaryDirectory elsewhere;
  write_file(elsewhere.file("index"), index_bytes({{.parts = {{"a.toml", Fate::manifest}}}}, there_));
  std::filesystem::create_symlink(elsewhere.file("index"), directory_.file(".git/index.link"));
  const auto opened = open_libgit2(directory_.path());
  for (const std::string& index : {elsewhere.file("index"), directory_.file(".git/index.link"),
                                   directory_.file(".git/../../none"), std::string("/etc/passwd")}) {
    const auto found = read_staged(*opened.value(), index, ".");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, Errc::guard) << index;
  }
  EXPECT_TRUE(read({{.parts = {{"a.toml", Fate::manifest}}}}).ok()) << "its own is";
}

}  // namespace ovl::test
