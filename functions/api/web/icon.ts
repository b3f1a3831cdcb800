/** The icon of the pages: a gantry, a beam on two legs that carries a load. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5fd0"/><path d="M6 9h20M9 9v16M23 9v16M16 9v5" stroke="#fff" stroke-width="2.6" stroke-linecap="round" fill="none"/><rect x="12" y="14" width="8" height="7" rx="1.5" fill="#fff"/></svg>`;
