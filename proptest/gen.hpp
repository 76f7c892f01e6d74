// Generators of small manifests: few names and addresses on purpose, so that they collide.
#pragma once

#include <rapidcheck.h>

#include "model/manifest/manifest.hpp"

namespace ovl::gen {

// A manifest that would pass validation: hosts a, b, c; networks n0, n1, n2; endpoints e0 to e5, each on
// one or two networks; every key that a block of these has is given now and then (laws_gen.cpp says which are
// not).
rc::Gen<Manifest> manifest();

// Facts of the manifest's hosts: an underlay of 1450, 1500 or 9000 bytes, and some routes, nameservers and
// VNIs that are not ovl's. Of one manifest always the same.
Facts facts(const Manifest& manifest);

// The manifest with every VNI, port, gateway, pool, address and MAC left to choose from all there are: what
// is given and then left out is kept, and may be another value than was chosen before.
Manifest left_open(Manifest manifest);

// `second` without subnets for networks that have none in `first`: what is given once is kept.
Manifest giving_no_more(const Manifest& first, Manifest second);

}  // namespace ovl::gen

namespace rc {

template <>
struct Arbitrary<ovl::Manifest> {
  static Gen<ovl::Manifest> arbitrary() { return ovl::gen::manifest(); }
};

}  // namespace rc

namespace ovl {

// For counterexamples.
void showValue(const Manifest& manifest, std::ostream& out);

}  // namespace ovl
