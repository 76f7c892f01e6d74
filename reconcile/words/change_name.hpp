// How a change is called everywhere, in plans, on the command line and in the log: type.name["index"].
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// As network.my-net, endpoint.web["my-net"], link.ovl-my-net["vxlan0"], netns.web. Objects of the host's
// own namespace have the name "host".
struct ChangeName {
  std::string type;
  std::string name;
  std::string index;  // empty: none

  [[nodiscard]] std::string address() const;

  // The quotes may be left out, as shells eat them. Errors: usage.
  static Result<ChangeName> parse(std::string_view text);

  // Whether this one, as somebody asks for it, means `other`: without an index it means all of the name.
  [[nodiscard]] bool covers(const ChangeName& other) const;

  // Whether it is of a record: a host, a network or an endpoint.
  [[nodiscard]] bool is_record() const;

  bool operator==(const ChangeName&) const = default;
};

ChangeName name_of(const NetnsName& space, const ObjectRef& object);
ChangeName name_of(const Plan& plan, const ObjectChange& change);
ChangeName name_of(const RecordChange& change);
// name is "my-net", or "my-net/web" for an endpoint.
ChangeName name_of(RecordKind kind, const std::string& name);

// Whether one of `names` covers `name`.
bool is_covered(const std::vector<ChangeName>& names, const ChangeName& name);

// Whether an owner's mark, "ovl:demo/endpoint/my-net/web/port", says that its object was made for the
// record.
bool is_marked(std::string_view mark, const ChangeName& record);

}  // namespace ovl
