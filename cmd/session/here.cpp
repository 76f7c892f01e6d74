#include "cmd/session/here.hpp"

namespace ovl {

namespace {

Result<LookHere> look(const GlobalOptions& global, const PlanOptions& options) {
  PlanOptions here = options;
  here.scope = "host";
  OVL_TRY(Context context, Context::open(global, here, {.manifest = false}));
  OVL_TRY(Planned planned, make_plan(context.request(), context.world()));
  return LookHere{.host = context.request().host, .plan = std::move(planned.plan), .why = {}};
}

}  // namespace

LookHere look_here(const GlobalOptions& global, const PlanOptions& options) {
  auto found = look(global, options);
  if (found.ok()) return std::move(found).value();
  return LookHere{
      .host = {}, .plan = {}, .why = found.error().message, .is_stranger = found.error().code == Errc::usage};
}

}  // namespace ovl
