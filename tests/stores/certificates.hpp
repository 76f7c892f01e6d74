// Certificates that tests of TLS use: <name>.pem and <name>.key of two authorities, "ca" and "wrong-ca", and
// of what they have issued.
#pragma once

#include <string>

#include "tests/stores/etcd_server.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

// Certificates made for one test program.
class Certificates {
 public:
  Certificates() {
    make_ca("ca");
    make_ca("wrong-ca");
    make("good", "IP:127.0.0.1", 1);
    make("wrong-name", "DNS:elsewhere.example", 1);
    make("expired", "IP:127.0.0.1", -1);
    make("stranger", "IP:127.0.0.1", 1, "wrong-ca");
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

 private:
  static void must_run(const std::string& command) {
    const Ran ran = run_shell(command);
    if (!ran.ok) std::fprintf(stderr, "%s\n", ran.out.c_str());
    if (!ran.ok) std::abort();
  }

  void make_ca(const std::string& name) const {
    must_run("openssl req -x509 " + key(name) + " -out " + file(name + ".pem") +
             " -days 1 -subj /CN=" + name);
  }

  void make(const std::string& name, const std::string& names, int days, const std::string& ca = "ca") const {
    const std::string request = file(name + ".csr");
    must_run("openssl req " + key(name) + " -out " + request + " -subj /CN=" + name +
             " -addext subjectAltName=" + names);
    must_run("openssl x509 -req -in " + request + " -CA " + file(ca + ".pem") + " -CAkey " +
             file(ca + ".key") + " -CAcreateserial -copy_extensions copy -days " + std::to_string(days) +
             " -out " + file(name + ".pem"));
  }

  [[nodiscard]] std::string key(const std::string& name) const {
    return "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + file(name + ".key");
  }

  TemporaryDirectory directory_;
};

inline const Certificates& certificates() {
  static const Certificates made;
  return made;
}

}  // namespace ovl::test
