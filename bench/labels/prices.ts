/** USD for one answer of a vendor's people, and of an expert, in simulated campaigns. */
export const PRICE = 0.03;
export const EXPERT_PRICE = 0.3;
