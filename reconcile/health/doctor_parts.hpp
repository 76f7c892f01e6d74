// The parts of an examination, see doctor.hpp.
#pragma once

#include "reconcile/health/doctor.hpp"

namespace ovl {

// What a plan of this host finds: the same findings that `ovl plan` shows, and all that differs. Good only
// where an apply would change nothing.
void examine_plan(const Patient& patient, Symptoms& out);

// What this process may do here, and what this kernel can: tried in a namespace that goes with the call.
void examine_machine(const Patient& patient, Symptoms& out);

// Who holds the UDP ports of this host's networks.
void examine_ports(const Patient& patient, const StoreView& view, Symptoms& out);

// Settings of this kernel that others have changed for good or bad.
void examine_settings(const Patient& patient, Symptoms& out);

// Every other host, asked from an endpoint here to one there where a network has both, in each such network;
// else host to host. Of many the first 64, and the first 8 networks.
void examine_peers(const Patient& patient, const StoreView& view, Symptoms& out);

}  // namespace ovl
