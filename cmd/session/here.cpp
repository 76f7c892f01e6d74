#include "cmd/session/here.hpp"

namespace ovl {

namespace {

Result<LookHere> look(const GlobalOptions& global, const PlanOptions& options) {
  PlanOptions here = options;
  // By the records, whatever the manifest here says: what is looked for is drift, not what somebody is about
  // to change.
  here.scope = "host";
  OVL_TRY(Context context, Context::open(global, here, {.manifest = false}));
  OVL_TRY(Planned planned, make_plan(context.request(), context.world()));
  return LookHere{.host = context.request().host, .plan = std::move(planned.plan), .why = {}};
}

}  // namespace

LookHere look_here(const GlobalOptions& global, const PlanOptions& options) {
  // No error: the verbs that look read the store, and this host is what they show beside it if they may.
  auto found = look(global, options);
  if (found.ok()) return std::move(found).value();
  return LookHere{
      .host = {}, .plan = {}, .why = found.error().message, .is_stranger = found.error().code == Errc::usage};
}

}  // namespace ovl
