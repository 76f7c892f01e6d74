// Manifests that are pushed or fetched are read with the rights of this host. Whoever writes one could name a
// store of his own and a file of the host's as the token for it, and be sent it. So such a manifest may
// repeat what the host says, and nothing else (docs/decisions/0014-whose-words-count.md).
#include "cmd/trust/host_side.hpp"

#include <fmt/format.h>

#include "cmd/base/style.hpp"
#include "cmd/trust/keystore_word.hpp"
#include "files/trusted_file.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/host_file.hpp"

namespace ovl {

namespace {

constexpr const char* kHostDecides = "leave it out of the manifest: this host says where its keystore is";

}  // namespace

Result<HostSide> read_host_side(const std::string& file) {
  auto text = read_trusted_file(file, kMaxSourceBytes);
  if (!text.ok() && text.error().code == Errc::not_found) return HostSide();
  if (!text.ok()) return std::move(text).error();
  const Sources files{SourceFile{.name = file, .text = std::move(text).value()}};
  const Parsed parsed = parse_host_side(files);
  // The first finding is enough to refuse: half of a file that decides about secrets is not heard.
  if (parsed.diagnostics.empty()) {
    return HostSide{.access = access_of(parsed.manifest.keystore, files),
                    .cluster = parsed.manifest.cluster.value};
  }
  return Error{.code = Errc::manifest, .message = render(parsed.diagnostics.front(), files, false)};
}

Result<KeystoreAccess> host_side_access(const KeystoreAccess& given, const std::string& file) {
  // Whole, with its own references: an address of the command line with the file's secrets would be a pair
  // that nobody has named.
  if (!given.url.empty()) return given;
  OVL_TRY(HostSide host, read_host_side(file));
  if (!host.access.url.empty()) return overlay(std::move(host.access), given);
  return Error{.code = Errc::guard,
               .message = "this host names no keystore, and a manifest from elsewhere must not choose one",
               .hint = fmt::format("--keystore URL, OVL_KEYSTORE, or [keystore] in {}", file)};
}

std::string place_text(const Place& place, const Sources& sources) {
  if (place.file >= sources.size()) return "the manifest";
  return fmt::format("{}:{}:{}", printable(sources[place.file].name), place.line, place.column);
}

// Called after parsing and before anything is resolved, read or connected to.
Status check_host_side(const KeystoreBlock& block, const Sources& sources, const KeystoreAccess& host) {
  const std::string& url = block.url.value;
  // A manifest may name fewer servers of the same store, in any order, and no other one.
  if (!url.empty() && !names_no_other_store(url, host.url)) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("{}: the manifest names another keystore than this host does",
                                        place_text(block.url.place, sources)),
                 .hint = kHostDecides};
  }
  // Also where the address is the host's: a reference is a file or variable that would be read, and who names
  // it learns from the answer whether it is there.
  if (!has_other_references(access_of(block, sources), host)) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("{}: the manifest names a secret or a file that this host does not",
                                      place_text(block.place, sources)),
               .hint = kHostDecides};
}

Status check_revision_files(const KeystoreBlock& block) {
  for (const auto* ref :
       {&block.token, &block.user, &block.password, &block.tls_ca, &block.tls_cert, &block.tls_key}) {
    const bool relative = *ref && (*ref)->where == SecretRef::Where::file && !(*ref)->name.starts_with('/');
    if (!relative) continue;
    return Error{.code = Errc::manifest,
                 .message = fmt::format("file:{} is relative, and there is no folder beside a revision",
                                        printable((*ref)->name)),
                 .hint = "write the file's absolute path, or name it on the command line"};
  }
  return {};
}

}  // namespace ovl
