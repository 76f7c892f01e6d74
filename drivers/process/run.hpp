// Another program, run to its end: with an environment of its own, no descriptor of ours, and a time limit.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

struct ProcessCommand {
  // The first is the program's absolute path: nothing is looked up in PATH.
  std::vector<std::string> arguments;
  // "NAME=value"; nothing of our own environment is passed on.
  std::vector<std::string> environment = {};
  std::string directory = "/";
  std::string input = {};  // all of its stdin
  // Contents that it can read from paths, /proc/self/fd/3, /proc/self/fd/4 and so on, without a file that
  // others could see or that a killed process would leave.
  std::vector<std::string> files = {};
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
  std::size_t most_output = 1 << 20;  // bytes of stdout, and of stderr
  int stop_fd = -1;                   // when it can be read, the process is ended; -1: there is none
};

struct ProcessOutput {
  int status = 0;  // its exit code; 128 and the signal's number when a signal ended it
  std::string out;
  std::string err;
};

// The path of `files[index]` inside the process.
std::string process_file(std::size_t index);

// Runs it in a process group of its own, which is ended (SIGKILL) when the time is over or when it prints
// more than allowed. What it leaves running after its own end is not waited for.
// Errors: not_found (no such program), io (it can't be run, took too long, printed too much), interrupted
// (stop_fd).
Result<ProcessOutput> run_process(const ProcessCommand& command);

}  // namespace ovl
