// Manifests that were parsed before, by the id of the tree that they were read from.
#pragma once

#include <string>

#include "model/manifest/manifest.hpp"

namespace ovl {

class ManifestCache {
 public:
  // A folder of our own: /var/cache/ovl for root, else ovl in XDG_CACHE_HOME or in ~/.cache. Without one, or
  // where others may write it, nothing is kept and nothing is found.
  ManifestCache();
  explicit ManifestCache(std::string folder);

  // key: what names the content, such as a tree's id and a path in it. None: not kept, or not whole.
  [[nodiscard]] std::optional<Manifest> find(const std::string& key) const;

  // Keeps it, and forgets the oldest of too many. A cache that can't be written costs nothing but time.
  void keep(const std::string& key, const Manifest& manifest) const;

 private:
  [[nodiscard]] std::string file_of(const std::string& key) const;
  void forget_oldest() const;

  std::string folder_;
};

}  // namespace ovl
