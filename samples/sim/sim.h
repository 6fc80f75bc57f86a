/*
 * sim.h - the two simulators as commands: `hashscope sim pool` and `hashscope sim miner`.
 *
 * Each parses its own command line (argv[0] is the name to show in messages), runs until it is done
 * or told to stop (SIGINT, SIGTERM), and returns the process's exit code:
 *   0  ended as asked
 *   1  it could not do its work (port in use, pool never answered, --shares not reached in time)
 *   2  the command line or the settings are wrong
 */
#ifndef HASHSCOPE_SIM_H
#define HASHSCOPE_SIM_H

int sim_pool_main(int argc, char **argv);
int sim_miner_main(int argc, char **argv);

#endif
