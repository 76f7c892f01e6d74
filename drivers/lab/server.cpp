#include "drivers/lab/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "/run/keystore";  // of the machine's own /run

struct Program {
  const char* variable;
  const char* name;     // in PATH
  const char* place;    // where its package puts it, when that is not in PATH
  const char* package;  // for people
};

Program program_of(const LabServer& server) {
  if (server.store == "etcd") return {"OVL_LAB_ETCD", "etcd", "/usr/bin/etcd", "apt install etcd-server"};
  if (server.store == "consul") {
    return {"OVL_LAB_CONSUL", "consul", "/usr/bin/consul", "tools/fetch-consul build/servers"};
  }
  return {"OVL_LAB_ZOOKEEPER", "zkServer.sh", "/usr/share/zookeeper/bin/zkServer.sh",
          "apt install zookeeper"};
}

bool can_run(const fs::path& path) {
  std::error_code error;
  return ::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path, error);
}

std::string in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const auto end = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, end)) / name;
    if (candidate.is_absolute() && can_run(candidate)) return candidate;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {};
}

// build/servers of the tree that this program was built in.
fs::path beside_build(const std::string& name) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "servers" / name;
}

std::string url_of(const LabServer& server, std::uint32_t port) {
  const IpAddress& address = server.address.address;
  if (address.is_ipv4()) return fmt::format("http://{}:{}", address.text(), port);
  return fmt::format("http://[{}]:{}", address.text(), port);
}

std::vector<std::string> etcd_command(const LabServer& server, const std::string& program) {
  const std::string client = url_of(server, server.port);
  const std::string peer = url_of(server, server.port + 1);
  return {program,
          "--name=lab",
          fmt::format("--data-dir={}/data", kData),
          "--listen-client-urls=" + client,
          "--advertise-client-urls=" + client,
          "--listen-peer-urls=" + peer,
          "--initial-advertise-peer-urls=" + peer,
          "--initial-cluster=lab=" + peer};
}

std::vector<std::string> consul_command(const LabServer& server, const std::string& program) {
  const std::string address = server.address.address.text();
  return {program,
          "agent",
          "-dev",
          "-bind=" + address,
          "-client=" + address,
          fmt::format("-http-port={}", server.port),
          "-log-level=warn"};
}

std::vector<std::string> zookeeper_command(const LabServer& server, const std::string& program) {
  const std::string path = fmt::format("{}/zoo.cfg", kData);
  std::ofstream file(path);
  file << fmt::format("tickTime=1000\ndataDir={}/data\nclientPort={}\nclientPortAddress={}\n", kData,
                      server.port, server.address.address.text())
       << "admin.enableServer=false\nmaxClientCnxns=0\n4lw.commands.whitelist=srvr,ruok\n";
  return {program, "start-foreground", path};
}

std::vector<std::string> command_of(const LabServer& server, const std::string& program) {
  if (server.store == "etcd") return etcd_command(server, program);
  if (server.store == "consul") return consul_command(server, program);
  return zookeeper_command(server, program);
}

// In the child: becomes the server, or ends with the code of a failed command.
[[noreturn]] void become_server(const LabServer& server, const std::string& program, const NodePins& pins) {
  constexpr int kCannotRun = 126;
  if (!enter_node(pins).ok() || ::chdir("/") != 0) ::_exit(kCannotRun);
  std::error_code error;
  fs::create_directories(fs::path(kData) / "data", error);
  const int log =
      ::open(fmt::format("{}/log", kData).c_str(), O_WRONLY | O_CREAT | O_APPEND, S_IRUSR | S_IWUSR);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (error || log < 0 || nothing < 0) ::_exit(kCannotRun);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::setenv("ZOO_LOG_DIR", kData, 1);
  ::setenv("JVMFLAGS", "-Xmx256m", 1);
  std::ofstream(fmt::format("{}/pid", kData)) << ::getpid() << "\n";
  const std::vector<std::string> command = command_of(server, program);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  ::_exit(kCannotRun);
}

}  // namespace

Result<std::string> find_server(const LabServer& server) {
  const Program program = program_of(server);
  const char* chosen = std::getenv(program.variable);
  if (chosen != nullptr && can_run(chosen)) return std::string(chosen);
  if (std::string found = in_path(program.name); !found.empty()) return found;
  if (can_run(program.place)) return std::string(program.place);
  if (const fs::path built = beside_build(program.name); can_run(built)) return built.string();
  return Error{
      .code = Errc::not_found,
      .message = fmt::format("the lab needs a {} server, and finds no {}", server.store, program.name),
      .hint = fmt::format("{}, or say where it is: {}", program.package, program.variable)};
}

// Forked twice, so that it is nobody's child who would have to wait for it.
Status start_server(const LabServer& server, const std::string& program, const NodePins& pins) {
  const pid_t child = ::fork();
  if (child < 0) return kernel_error("starting the keystore's server", errno, {}, Errc::io);
  if (child == 0) {
    ::setsid();
    if (::fork() == 0) become_server(server, program, pins);
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

}  // namespace ovl
