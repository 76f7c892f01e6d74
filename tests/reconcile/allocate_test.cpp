// What is taken, and what is chosen beside it.
#include "reconcile/base/allocate.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ovl {

namespace {

IpPrefix prefix(std::uint32_t bits, std::uint8_t length) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(bits >> 16U),
                                          static_cast<std::uint8_t>(bits >> 8U),
                                          static_cast<std::uint8_t>(bits)};
  return IpPrefix::masked(IpAddress::from_bytes(Family::ipv4, bytes.data()), length);
}

}  // namespace

// As if every prefix were asked, one by one.
RC_GTEST_PROP(TakenSpace, OverlapsWhatAnyOfItsPrefixesDoes, ()) {
  const auto some =
      rc::gen::pair(rc::gen::inRange<std::uint32_t>(0, 1U << 12U), rc::gen::inRange<std::uint8_t>(18, 33));
  const auto taken = *rc::gen::container<std::vector<std::pair<std::uint32_t, std::uint8_t>>>(some);
  const auto [bits, length] = *some;
  TakenSpace space;
  bool expected = false;
  for (const auto& [other, its_length] : taken) {
    space.add(prefix(other, its_length));
    expected = expected || prefix(other, its_length).overlaps(prefix(bits, length));
  }
  RC_ASSERT(space.overlaps(prefix(bits, length)) == expected);
}

TEST(TakenSpace, KeepsFamiliesApart) {
  TakenSpace space;
  space.add(IpPrefix::parse_exact("::/1").value());
  EXPECT_FALSE(space.overlaps(IpPrefix::parse_exact("10.0.0.0/8").value()));
  EXPECT_TRUE(space.overlaps(IpPrefix::parse_exact("fd00::/8").value()) ||
              space.overlaps(IpPrefix::parse_exact("1::/16").value()));
}

TEST(ChooseSubnet, TakesTheFirstThatIsFree) {
  TakenSpace space;
  space.add(IpPrefix::parse_exact("10.0.0.0/23").value());
  space.add(IpAddress::parse("10.0.2.9").value());
  EXPECT_EQ(choose_subnet(space)->text(), "10.0.3.0/24");
  space.add(IpPrefix::parse_exact("10.0.0.0/8").value());
  EXPECT_FALSE(choose_subnet(space).has_value());
}

}  // namespace ovl
