// Generators of small manifests: few names and addresses on purpose, so that they collide.
#pragma once

#include <rapidcheck.h>

#include "model/manifest.hpp"

namespace ovl::gen {

// A manifest that would pass validation: hosts a, b, c; networks n0, n1, n2; endpoints e0 to e5, each on
// one to three networks; some subnets, addresses, MACs, VNIs declared, the others left open.
rc::Gen<Manifest> manifest();

// Facts of the manifest's hosts: an underlay of 1500 or 9000 bytes, a route or two.
Facts facts(const Manifest& manifest);

// The manifest with every VNI, address and MAC left to choose: what is given and then dropped is chosen
// anew, and may be another value then.
Manifest left_open(Manifest manifest);

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
