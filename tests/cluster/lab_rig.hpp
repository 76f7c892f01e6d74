// A lab for one test: a manifest in a temporary directory, and commands run on its hosts.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace ovl {

struct Ran {
  int code = -1;
  std::string out;  // stdout and stderr

  [[nodiscard]] bool has(const std::string& text) const { return out.find(text) != std::string::npos; }
};

// Runs a shell command line as a person would, whatever runs the tests. Its end is bounded by 120 s.
Ran shell(const std::string& command);

// Debian 12 has no Consul.
inline constexpr const char* kNoConsul = "run tools/fetch-consul build/servers";

// Whether a keystore's URL asks for a Consul that is not here.
bool lacks_consul(const std::string& url);

class LabRig : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Writes the manifest; `up` starts the lab with it.
  void write(const std::string& manifest) const;
  void up(const std::string& manifest);

  // A command on a host; "ovl" in it is the binary under test.
  [[nodiscard]] Ran on(const std::string& host, const std::string& command) const;
  // On a host inside an endpoint's namespace.
  [[nodiscard]] Ran in(const std::string& host, const std::string& endpoint,
                       const std::string& command) const;
  // `ovl apply` on a host; fails the test when it fails.
  std::string apply(const std::string& host, const std::string& options = "") const;
  // `ovl plan --detailed-exitcode` is 0.
  [[nodiscard]] bool in_sync(const std::string& host) const;
  // Everything that others may have on a host: links, addresses, routes, neighbours, fdb, nft, files.
  [[nodiscard]] std::string snapshot(const std::string& host) const;

  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

}  // namespace ovl
