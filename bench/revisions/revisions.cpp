// bench-revisions DIRECTORY RUNS: a revision's files against `git archive`, and a manifest that was parsed
// before against one that was not. DIRECTORY/files.git and DIRECTORY/large.git are made by
// tools/bench-revisions.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cmd/session/manifest_cache.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/store/revision.hpp"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "bench-revisions: {}\n", what);
  std::exit(1);
}

double milliseconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Each after the other, so that what the machine does besides is the same for both.
struct Pair {
  double ours = 0;
  double theirs = 0;
};

Pair measure(int runs, const std::function<void()>& ours, const std::function<void()>& theirs) {
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < runs; ++i) {
    a.push_back(milliseconds_of(ours));
    b.push_back(milliseconds_of(theirs));
  }
  return {.ours = median(a), .theirs = median(b)};
}

void print(const std::string& what, const Pair& pair) {
  fmt::print("| {} | {:.1f} | {:.1f} | {:.2f} |\n", what, pair.ours, pair.theirs, pair.ours / pair.theirs);
}

void git_archive(const std::string& repository) {
  const std::string command = "git --git-dir='" + repository + "' archive HEAD >/dev/null";
  if (std::system(command.c_str()) != 0) fail("git archive failed");  // NOLINT: one thread
}

ovl::RevisionManifest read(const std::string& repository) {
  auto opened = ovl::need_repository(repository);
  if (!opened.ok()) fail(opened.error().message);
  auto found = ovl::read_revision(*opened.value(), "HEAD", ".");
  if (!found.ok()) fail(found.error().message);
  return std::move(found).value();
}

void bench_read(const std::string& repository, int runs) {
  std::size_t files = read(repository).files.size();
  print(fmt::format("read {} files of a packed revision / git archive", files),
        measure(
            runs, [&] { files = read(repository).files.size(); }, [&] { git_archive(repository); }));
}

void bench_cache(const std::string& directory, int runs) {
  const std::string repository = directory + "/large.git";
  const ovl::ManifestCache cache(directory + "/cache");
  const ovl::RevisionManifest first = read(repository);
  const ovl::Parsed parsed = ovl::parse(first.files);
  if (!parsed.diagnostics.empty()) fail(parsed.diagnostics.front().message);
  cache.keep(first.commit.tree, parsed.manifest);
  const auto known = [&] {
    const ovl::RevisionManifest revision = read(repository);
    if (!cache.find(revision.commit.tree)) fail("nothing was kept");
  };
  const auto cold = [&] {
    const ovl::RevisionManifest revision = read(repository);
    if (!ovl::parse(revision.files).diagnostics.empty()) fail("it has diagnostics");
  };
  print(fmt::format("read and find {} endpoints parsed before / read and parse them",
                    parsed.manifest.endpoints.size()),
        measure(runs, known, cold));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fail("usage: bench-revisions DIRECTORY RUNS");
  const std::string directory = argv[1];
  const int runs = std::max(1, std::atoi(argv[2]));
  fmt::print("| what | ovl, ms | peer, ms | ratio |\n|---|---|---|---|\n");
  bench_read(directory + "/files.git", runs * 3);
  bench_cache(directory, runs);
  return 0;
}
