// A server that a test starts, waits for, pauses and stops itself.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/process.hpp"

namespace ovl::test {

// A TCP port of 127.0.0.1 that was free just now.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) std::abort();
  return ntohs(address.sin_port);
}

// One process, killed with its group when this goes or when the test program ends.
class Server {
 public:
  // Starts the command; what it prints goes into the file `log`.
  Server(std::vector<std::string> command, std::string log)
      : command_(std::move(command)), log_(std::move(log)) {
    start();
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  ~Server() { stop(SIGKILL); }

  void start() {
    pid_ = ::fork();
    if (pid_ == 0) run();
  }

  // Ends the process and waits for its end.
  void stop(int signal = SIGTERM) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    wait_for(pid_);
    pid_ = -1;
  }

  // Stopped when this returns: kill() comes back while the process still answers on another processor.
  void pause() const {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {
    }
  }

  void resume() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Asks until ready() says yes; false, with the log on stderr, when the time is over.
  [[nodiscard]] bool wait_until_ready(const std::function<bool()>& ready,
                                      std::chrono::seconds limit = std::chrono::seconds{60}) const {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!ready()) {
      if (std::chrono::steady_clock::now() > deadline) {
        std::ostringstream text;
        text << std::ifstream(log_).rdbuf();
        std::fprintf(stderr, "%s\n", text.str().c_str());
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return true;
  }

 private:
  [[noreturn]] void run() const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    if (out < 0 || in < 0) ::_exit(126);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    std::vector<char*> arguments;
    arguments.reserve(command_.size() + 1);
    for (const std::string& word : command_) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(127);
  }

  std::vector<std::string> command_;
  std::string log_;
  pid_t pid_ = -1;
};

}  // namespace ovl::test
