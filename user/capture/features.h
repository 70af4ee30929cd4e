/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FEATURES_H
#define FEATURES_H

/* Probes that loading asks too: 1 yes, 0 no, negative errno when it cannot be told. */
int feature_btf(void);
int feature_attach_cookie(void);
int feature_bpf_loop(void);
int feature_uprobe_multi(void);
int feature_ringbuf(void);
int feature_privilege(void);
int feature_exec_gate(void);

#endif /* FEATURES_H */
