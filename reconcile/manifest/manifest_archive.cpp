#include "reconcile/manifest/manifest_archive.hpp"

#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <type_traits>

namespace ovl {

namespace {

// ---- what the parts of a manifest are made of, in one order for both ways ---------------------------

template <class T, class Part>
concept Is = std::is_same_v<std::remove_const_t<T>, Part>;

template <Is<Place> T>
auto members(T& place) {
  return std::tie(place.file, place.line, place.column, place.length);
}

template <class T>
auto members(Located<T>& located) {
  return std::tie(located.value, located.place);
}

template <class T>
auto members(const Located<T>& located) {
  return std::tie(located.value, located.place);
}

template <Is<SecretRef> T>
auto members(T& ref) {
  return std::tie(ref.where, ref.name);
}

template <Is<KeystoreBlock> T>
auto members(T& block) {
  return std::tie(block.url, block.token, block.user, block.password, block.tls_ca, block.tls_cert,
                  block.tls_key, block.allow_plaintext, block.place);
}

template <Is<HostBlock> T>
auto members(T& block) {
  return std::tie(block.name, block.place, block.advertise, block.bind, block.gateway_pool, block.automatic,
                  block.source_check, block.ttl_check, block.labels, block.protect);
}

template <Is<NetworkBlock> T>
auto members(T& block) {
  return std::tie(block.name, block.place, block.subnets, block.gateways, block.ip_range, block.reserved,
                  block.vni, block.mtu, block.port, block.automatic, block.internal, block.frames,
                  block.adopt, block.labels, block.protect);
}

template <Is<AttachmentBlock> T>
auto members(T& block) {
  return std::tie(block.network, block.addresses, block.mac, block.automatic, block.aliases);
}

template <Is<EndpointBlock> T>
auto members(T& block) {
  return std::tie(block.name, block.place, block.host, block.netns, block.attachments, block.link_local,
                  block.adopt, block.labels, block.protect);
}

template <Is<MovedBlock> T>
auto members(T& block) {
  return std::tie(block.from, block.to);
}

template <Is<DestroyLimit> T>
auto members(T& limit) {
  return std::tie(limit.value, limit.percent);
}

template <Is<RecordPattern> T>
auto members(T& pattern) {
  return std::tie(pattern.kind, pattern.name, pattern.prefix);
}

template <Is<HostPattern> T>
auto members(T& pattern) {
  return std::tie(pattern.name, pattern.suffix, pattern.prefix);
}

template <Is<ForbiddenChange> T>
auto members(T& change) {
  return std::tie(change.action, change.kind, change.field);
}

template <Is<TimeOfDay> T>
auto members(T& time) {
  return std::tie(time.minutes);
}

template <Is<PolicyWindow> T>
auto members(T& window) {
  return std::tie(window.days, window.from, window.to);
}

template <Is<VniRange> T>
auto members(T& range) {
  return std::tie(range.min, range.max);
}

template <Is<Policy> T>
auto members(T& policy) {
  return std::tie(policy.origin, policy.max_destroy, policy.protect, policy.subnets, policy.hosts, policy.vni,
                  policy.forbid, policy.windows, policy.require_signed, policy.signers, policy.keyring);
}

template <Is<Manifest> T>
auto members(T& manifest) {
  return std::tie(manifest.cluster, manifest.keystore, manifest.hosts, manifest.networks, manifest.endpoints,
                  manifest.moved, manifest.policy, manifest.digest);
}

template <class T>
concept HasMembers = requires(T& part) {
  members(part);
};

template <class T>
concept Number = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
concept HasNumber = requires(const T& value) {
  T::from(value.number());
};

template <class T>
concept HasText = !HasNumber<T> && requires(const T& value) {
  value.text();
};

// ---- writing ------------------------------------------------------------------------------------

class Packer {
 public:
  template <Number T>
  void put(const T& value) {
    out_.append(reinterpret_cast<const char*>(&value),
                sizeof value);  // NOLINT(*-reinterpret-cast): its bytes
  }

  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }

  template <HasNumber T>
  void put(const T& value) {
    put(value.number());
  }

  template <HasText T>

  requires(!HasMembers<T>) void put(const T& value) { put(std::string(value.text())); }

  template <HasMembers T>
  void put(const T& value) {
    std::apply([this](const auto&... part) { (this->put(part), ...); }, members(value));
  }

  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }

  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) put(value);
  }

  template <std::size_t N>
  void put(const std::array<bool, N>& values) {
    for (const bool value : values) put(value);
  }

  void put(const Labels& labels) {
    put(static_cast<std::uint32_t>(labels.size()));
    for (const auto& [name, value] : labels) {
      put(name);
      put(value);
    }
  }

  template <class... Ts>
  void put(const std::variant<Ts...>& value) {
    put(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& held) { this->put(held); }, value);
  }

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// ---- reading ------------------------------------------------------------------------------------

// Whatever does not fit makes the whole bad; what is read then does not matter.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool good() const { return good_ && bytes_.empty(); }

  template <Number T>
  void get(T& value) {
    const std::string_view bytes = cut(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  }

  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    good_ = good_ && byte <= 1;
    value = byte == 1;
  }

  void get(std::string& text) { text = cut(count()); }

  template <HasNumber T>
  void get(T& value) {
    std::uint32_t number = 0;
    get(number);
    keep(T::from(number), value);
  }

  template <HasText T>

  requires(!HasMembers<T>) void get(T& value) {
    const std::string_view text = cut(count());
    if (text.empty()) return;
    if constexpr (std::is_same_v<T, IpPrefix>) {
      keep(T::parse_exact(text), value);
    } else {
      keep(T::parse(text), value);
    }
  }

  template <HasMembers T>
  void get(T& value) {
    std::apply([this](auto&... part) { (this->get(part), ...); }, members(value));
  }

  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    if (there && good_) get(value.emplace());
  }

  template <class T>
  void get(std::vector<T>& values) {
    const std::uint32_t size = count();
    values.reserve(size);
    for (std::uint32_t i = 0; i < size && good_; ++i) get(values.emplace_back());
  }

  template <std::size_t N>
  void get(std::array<bool, N>& values) {
    for (bool& value : values) get(value);
  }

  void get(Labels& labels) {
    for (std::uint32_t left = count(); left > 0 && good_; --left) {
      std::string name;
      get(name);
      get(labels[name]);
    }
  }

  template <class... Ts>
  void get(std::variant<Ts...>& value) {
    std::uint8_t index = 0;
    get(index);
    std::uint8_t at = 0;
    good_ = good_ && index < sizeof...(Ts);
    ((at++ == index && good_ ? get(value.template emplace<Ts>()) : void()), ...);
  }

 private:
  // No count is larger than the bytes that follow it, so nothing reserves what a lie says.
  std::uint32_t count() {
    std::uint32_t value = 0;
    get(value);
    good_ = good_ && value <= bytes_.size();
    return good_ ? value : 0;
  }

  std::string_view cut(std::size_t size) {
    good_ = good_ && size <= bytes_.size();
    if (!good_) return {};
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

  template <class T>
  void keep(Result<T> read, T& value) {
    good_ = good_ && read.ok();
    if (good_) value = std::move(read).value();
  }

  std::string_view bytes_;
  bool good_ = true;
};

}  // namespace

std::string pack(const Manifest& manifest) {
  Packer packer;
  packer.put(manifest);
  return packer.take();
}

Result<Manifest> unpack(std::string_view bytes) {
  Unpacker unpacker(bytes);
  Manifest manifest;
  unpacker.get(manifest);
  if (unpacker.good()) return manifest;
  return Error{.code = Errc::corrupt, .message = "a packed manifest is not whole"};
}

}  // namespace ovl
