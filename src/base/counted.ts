const whole = new Intl.NumberFormat('en')

/** 1 link; 2,000 links */
export const counted = (value: number, noun: string) => `${whole.format(value)} ${noun}${value === 1 ? '' : 's'}`
