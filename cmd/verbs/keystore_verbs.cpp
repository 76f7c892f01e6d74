// ovl keystore copy, check, export, import: a cluster's tree as a whole.
#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/session/machine.hpp"
#include "cmd/verbs/verbs.hpp"
#include "files/read.hpp"
#include "reconcile/cluster/transfer.hpp"

namespace ovl {

namespace {

Result<std::unique_ptr<Keystore>> open_store(const KeystoreAccess& access, const std::string& timeout) {
  OVL_TRY(KeystoreOptions options, keystore_options(access));
  OVL_TRY(options.timeout, parse_duration("--timeout", timeout));
  return open_keystore(options);
}

StoreLock::Options lock_options() {
  StoreLock::Options options;
  options.is_dead = holder_is_dead;
  options.stop = interrupted;
  return options;
}

// Both stores are named on the command line, references and all: no manifest and no memory has a say in where
// a whole cluster goes.
Result<int> copy(const KeystoreVerbOptions& options) {
  // The new store's lock is held while it is filled: from then on a first signal does not end this half-way.
  listen_for_interrupts();
  OVL_TRY(const Label cluster, Label::parse(options.cluster));
  OVL_TRY(const auto from, open_store(options.from, options.timeout));
  OVL_TRY(const auto to, open_store(options.to, options.timeout));
  // One snapshot, at one revision: hosts may go on applying to the old store while it is copied, and what
  // they write after it is missing in the new one. So the copy comes first, and then the manifest's new URL.
  OVL_TRY(const Dump dump, dump_cluster(*from, cluster));
  OVL_CHECK(load_cluster(*to, dump, this_process(std::time(nullptr)), lock_options()));
  std::cout << fmt::format("Copied {} records of cluster {} from {} to {}, and verified them.\n",
                           dump.items.size(), cluster.text(), from->name(), to->name());
  return kExitDone;
}

// Nothing is without a fault, and is not what was meant.
Error no_cluster(Context& context) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no cluster {} in {}", context.request().cluster.text(),
                                      context.world().keystore->name()),
               .hint = "look whether url and cluster are the right ones; ovl apply begins one"};
}

Result<int> check(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  const auto findings = check_cluster_tree(view);
  for (const Finding& finding : findings) {
    std::cout << fmt::format("{}: {}\n", printable(finding.subject), printable(finding.message));
  }
  // A note and no finding: another tool's keys below the prefix break nothing, and a check that fails for
  // them would be turned off.
  if (const auto unknown = unknown_keys(view)) {
    std::cout << fmt::format("note: {}\n", printable(unknown->message));
  }
  const std::size_t records =
      view.records.hosts.size() + view.records.networks.size() + view.records.endpoints.size();
  if (!view.head && records == 0 && findings.empty()) {
    OVL_CHECK(tell_loss(global, options, context, view));
    return no_cluster(context);
  }
  std::cout << fmt::format(
      "{} records, {} claims: {}\n", records, view.claims.size(),
      findings.empty() ? "all as they should be" : fmt::format("{} findings", findings.size()));
  if (!findings.empty()) {
    // One hint for all: whatever the tree lacks, an apply of the manifest puts it back.
    std::cerr << "hint: " << findings.front().hint << "\n";
    return kExitError;
  }
  // A tree without a fault may be an old one, or none.
  OVL_CHECK(tell_loss(global, options, context, view));
  return kExitDone;
}

Status write_text(const std::string& path, const std::string& text) {
  if (path.empty() || path == "-") {
    std::cout << text << std::flush;
    return {};
  }

  struct stat about {};

  // An export that was there is lost only to one that is whole. A pipe or a device is written to.
  const bool there = ::lstat(path.c_str(), &about) == 0;
  // 0600: an export has every name and address of the cluster.
  if (!there || S_ISREG(about.st_mode)) return write_whole_file(path, text, 0600);
  // A rename would put a file into the place of the pipe, /dev/stdout or link that was named.
  std::ofstream file(path);
  file << text;
  file.close();
  if (file.good()) return {};
  return Error{.code = Errc::io, .message = fmt::format("{} can't be written", path)};
}

// Of an export: far above 100,000 endpoints.
constexpr std::size_t kMostImport = std::size_t{1} << 30;

Result<std::string> read_text(const std::string& path) {
  if (path.empty() || path == "-") return read_stdin(kMostImport);
  auto text = read_regular(path, {.most = kMostImport});
  if (text.ok()) return text;
  Error error = std::move(text).error();
  if (error.hint.empty()) error.hint = "name a file that ovl keystore export wrote, or - for stdin";
  return error;
}

Result<int> export_tree(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const Dump dump, dump_cluster(*context.world().keystore, context.request().cluster));
  const Value value = to_value(dump);
  OVL_CHECK(write_text(verb.file, verb.format == "toml" ? to_toml(value) : value.pretty_json() + "\n"));
  return kExitDone;
}

constexpr std::size_t kMaxImport = std::size_t{1} << 30;

// JSON begins with a brace; TOML can't.
Result<Value> parse_export(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  // By content and not by the file's name: stdin has none.
  if (first != std::string::npos && text[first] == '{') return Value::parse_json(text, kMaxImport);
  return value_of_toml(text);
}

Result<Dump> read_dump(const std::string& file, const std::string& text) {
  auto value = parse_export(text);
  auto dump = value.ok() ? dump_of(value.value()) : Result<Dump>(std::move(value).error());
  if (dump.ok()) return dump;
  Error error = std::move(dump).error().within(file.empty() || file == "-" ? "stdin" : printable(file));
  error.hint = "name a file that ovl keystore export wrote";
  return error;
}

Result<int> import_tree(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb) {
  listen_for_interrupts();
  // Read and decoded before the store is opened: a file that is no export costs no connection and no lock.
  OVL_TRY(const std::string text, read_text(verb.file));
  OVL_TRY(const Dump dump, read_dump(verb.file, text));
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  // Under another name it would be a second cluster with the lineage and the ids of the first.
  if (!context.request().cluster.empty() && context.request().cluster != dump.cluster) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("the export is of cluster {}, not of {}", dump.cluster.text(),
                                        context.request().cluster.text()),
                 .hint = fmt::format("import it as what it is: --cluster {}", dump.cluster.text())};
  }
  OVL_CHECK(load_cluster(*context.world().keystore, dump, this_process(std::time(nullptr)), lock_options()));
  std::cout << fmt::format("Imported {} records of cluster {}, and verified them.\n", dump.items.size(),
                           dump.cluster.text());
  return kExitDone;
}

int answer(const Result<int>& code) {
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace

int run_keystore_copy(const KeystoreVerbOptions& options) {
  return answer(copy(options));
}

int run_keystore_check(const GlobalOptions& global, const PlanOptions& options) {
  return answer(check(global, options));
}

int run_keystore_export(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb) {
  return answer(export_tree(global, options, verb));
}

int run_keystore_import(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb) {
  return answer(import_tree(global, options, verb));
}

}  // namespace ovl
