/** Methods that the filter bar offers; others can be typed. */
export const METHODS = [
  "mining.notify", "mining.submit", "mining.set_difficulty", "mining.subscribe", "mining.authorize",
  "mining.configure", "mining.set_version_mask", "mining.set_extranonce", "mining.extranonce.subscribe",
  "mining.suggest_difficulty", "mining.suggest_target", "mining.set_target", "mining.get_transactions",
  "mining.multi_version", "mining.ping", "client.reconnect", "client.show_message", "client.get_version",
];
