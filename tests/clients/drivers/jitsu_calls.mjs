// What a session says with @jitsu/js, one call after the other; a context is set for all calls that follow.
export async function say(client, calls) {
  client.setAnonymousId(calls[0].anonymousId)
  for (const { type, context, category, ...call } of calls) {
    for (const [name, value] of Object.entries(context)) client.setContextProperty(name, value)
    if (type === 'identify') await client.identify(call.userId, call.traits)
    if (type === 'track') await client.track(call.event, call.properties)
    if (type === 'page') await client.page(call.name, { ...call.properties, category })
    if (type === 'group') await client.group(call.groupId, call.traits)
  }
}
